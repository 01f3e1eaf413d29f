"""Is a name easily taken for another: of a popular project, of one of yours, of a standard-library module?"""
