"""The native CPU engine: whole time loops in C++, forward and backward, each in one call.

``rung.py`` is the row of the dispatch table, ``autograd.py`` ties the calls to torch, ``engine.py`` makes them,
``call.py`` says what they are made of and checks them. The C++ code is in ``../cpu``.
"""
