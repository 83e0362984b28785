"""Writing: from a function and its inputs to the files of a map, and to the text that a queue takes."""
