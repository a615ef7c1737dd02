"""Questions and answers about space: made from an archive, and scored."""
