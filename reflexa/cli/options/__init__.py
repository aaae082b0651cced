"""What each verb takes, as one dataclass whose fields are its options: read by the verb and by what carries it out."""
