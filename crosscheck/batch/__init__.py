"""Many runs in one go: what a batch file asks for, and what makes it."""
