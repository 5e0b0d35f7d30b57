"""A knowledge base in Milvus, which many machines may fill and ask at once."""
