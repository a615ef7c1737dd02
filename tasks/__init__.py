"""What is asked, and when is it done. This package loads nothing; `tasks.registration` registers the tasks."""
