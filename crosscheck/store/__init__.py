"""What is kept: runs and what they rested on, decisions, replies, editions. The only room that touches a database."""
