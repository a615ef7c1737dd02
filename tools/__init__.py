"""What only people developing the project run."""
