"""Many runs in one go: what a batch file asks for, and the crew that makes it."""
