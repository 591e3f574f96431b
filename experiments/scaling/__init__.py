"""Scale: bits per hold against training climbs and model size, and what laws predict."""
