"""What is to be looked at: reports, recordings in Rerun, pictures."""
