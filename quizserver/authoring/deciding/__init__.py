"""Two versions of one page, and the decision between them."""
