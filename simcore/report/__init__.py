"""The report: a run, or two, in one HTML file that needs nothing but a browser.

`scene` says what is to be drawn, `figure` puts it into layers for its script, `page` makes the file. The words are the views'.
"""
