"""What is looked for in a script, one function a rule."""
