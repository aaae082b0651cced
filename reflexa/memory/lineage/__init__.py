"""What grew from what: data sets, trainings, models and their story, and retraction of all that grew from a source."""
