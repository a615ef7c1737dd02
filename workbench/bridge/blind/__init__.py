"""Two policies compared by a person who does not know which one moves the arm."""
