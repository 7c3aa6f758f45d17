"""The kinds of what the process that is connected to a cluster receives and sends."""

from enum import IntEnum


class Order(IntEnum):
    """The kinds of orders that the process receives, each in a tuple with its content.

    OPEN comes with the numbers of new workers, their threads, and the pickled value that all tasks share. RUN and
    ANSWER come with the number of a worker and something pickled.
    """

    OPEN = 0
    RUN = 1
    ANSWER = 2
    STOP = 3
    CLOSE = 4


class Kind(IntEnum):
    """The kinds of items that the process sends, each in a tuple with the number of a worker and a content.

    The contents of MESSAGE to ERROR are pickled; those of DEATH and LOSS are texts. READY says that a worker waits for
    a task, ABSENCE that it was lost while it waited, BEAT that the cluster still answers, and CONNECTED has the
    processors of each machine.
    """

    MESSAGE = 0
    QUESTION = 1
    CHECKPOINT = 2
    RESULT = 3
    ERROR = 4
    READY = 5
    DEATH = 6
    CONNECTED = 7
    BEAT = 8
    LOSS = 9
    ABSENCE = 10
