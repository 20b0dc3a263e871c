"""Ways of searching: keyword, dense and hybrid, over ranked candidates.

Nothing here knows a database. A store brings the candidates; this room reads the query,
joins the rankings, marks the words and explains the result, the same for every store.
"""
