"""Files from outside (lists of people, contact events, answers) into the round's store."""
