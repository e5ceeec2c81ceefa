"""Response: how likely people are to answer, weights and classes made of it, and how representative it leaves them."""
