"""Why a score is what it is: contributions, topics, and templates of sentences with their numbers."""
