"""One module per verb: its options, and what it does with them. Each is imported when the verb is called."""
