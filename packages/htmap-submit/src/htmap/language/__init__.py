"""HTCondor's two languages, the submit language and ClassAd, written and read side by side."""
