"""How the figures are shown: page, pictures, workbook, files, words."""
