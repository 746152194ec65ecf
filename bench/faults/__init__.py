"""What the package does when it is killed, when two run at once, and when files are damaged."""
