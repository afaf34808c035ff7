"""The reference of the documentation, generated from the code when the documentation is built, so it cannot go stale.

One module per kind of table; `pages` puts them where a page of docs/ has a mark; `site` builds and checks the site.
"""
