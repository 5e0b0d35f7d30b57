"""Golden questions in, a scored report out: where a knowledge base fails, and what helped."""
