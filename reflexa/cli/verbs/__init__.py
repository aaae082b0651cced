"""One module per verb: its name, its help, and who carries it out. Each is imported when the verb is called."""
