"""Showing a policy scripted situations in the simulation where it will be used; `workbench.policy_check` judges."""
