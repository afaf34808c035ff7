"""Words in cells and headings: yes and no, names of columns, text that a spreadsheet must not take for a formula."""
