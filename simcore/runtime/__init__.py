"""What is imported inside the recorded program. Standard library only: no msgpack, rich, click or pluggy.

`boot/sitecustomize.py` starts it, `install.py` puts the families in place. A family is a file that replaces one group of
primitives (`locks`, `threads`, `queues`, `clocks`, `entropy`, `output`, `signals`, `garbage`); none of them decides anything:
they tell the gate what they are about to do and do it when told. `free.py` and `follow.py` are the gate's policies.
"""
