"""Suites: listed, shown, made, checked; files of answers to them, judged."""
