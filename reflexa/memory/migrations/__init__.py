"""The migrations, which travel inside the package. They are append-only: a released one never changes."""
