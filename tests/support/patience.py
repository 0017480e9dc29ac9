"""How long a test waits for what must happen.

A machine that does other work stands still for seconds: how long something took says how busy it was, and nothing about
the code. So a wait has much patience, and a test that proves a deadline makes the other deadlines longer than that.
"""

#: Seconds.
PATIENCE = 60.0
#: Seconds: a deadline that is not the one under test, and must not be what ends the wait.
LATER = 2 * PATIENCE
