"""What components left: results, inputs, errors, what they printed. The only room that makes objects of the user's."""
