/* Vector clocks, and the locks that hand them on. Part of `_core.c`.

   They are the lists of `simcore.analysis.clocks` and `happens`, which Python changes between two events. What an actor knows is
   a list that is replaced and never changed; nothing of any is kept here from one event to the next. */

typedef struct {
    PyObject *own, *known, *sent, *owner; /* borrowed from the arguments */
    Py_ssize_t actors;
} Clocks;

/* Call Python with numbers. */
static PyObject *
call_with(PyObject *function, const int64_t *numbers, size_t count)
{
    PyObject *args[6], *result = NULL;
    size_t made = 0;
    while (made < count && (args[made] = PyLong_FromLongLong(numbers[made])) != NULL) {
        made++;
    }
    if (made == count) {
        result = PyObject_Vectorcall(function, args, count, NULL);
    }
    while (made) {
        made--;
        Py_DECREF(args[made]);
    }
    return result;
}

#define NUMBERS(...) (const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)

static int
tell_python(PyObject *function, const int64_t *numbers, size_t count)
{
    PyObject *result = call_with(function, numbers, count);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int
ask_python(PyObject *function, const int64_t *numbers, size_t count, int64_t *answer)
{
    PyObject *result = call_with(function, numbers, count);
    if (result == NULL) return -1;
    *answer = PyLong_AsLongLong(result);
    Py_DECREF(result);
    return *answer == -1 && PyErr_Occurred() ? -1 : 0;
}

/* Of a list that has been found to be long enough; an error shows in `PyErr_Occurred`. */
static int64_t
clock_at(PyObject *clocks, Py_ssize_t actor)
{
    return PyLong_AsLongLong(PyList_GET_ITEM(clocks, actor));
}

/* What an actor knows, a list of as many clocks as there are actors, which stand beside its own. NULL with an error if not. */
static PyObject *
known_to(const Clocks *self, uint32_t actor)
{
    if (actor < self->actors && PyList_GET_SIZE(self->own) == self->actors && PyList_GET_SIZE(self->known) == self->actors) {
        PyObject *mine = PyList_GET_ITEM(self->known, actor);
        if (PyList_CheckExact(mine) && PyList_GET_SIZE(mine) == self->actors) return mine;
    }
    PyErr_Format(PyExc_ValueError, "actor %u has no clocks of %zd actors", actor, self->actors);
    return NULL;
}

/* As `Clocks.receive`. */
static int
receive_clocks(Clocks *self, uint32_t actor, PyObject *message)
{
    PyObject *others = PyTuple_GET_SIZE(message) == 3 ? PyTuple_GET_ITEM(message, 2) : Py_None;
    if (!PyList_CheckExact(others) || PyList_GET_SIZE(others) != self->actors) {
        PyErr_SetString(PyExc_ValueError, "a message is its sender, a clock, and what the sender knew of all actors");
        return -1;
    }
    PyObject *mine = known_to(self, actor), *clock = PyTuple_GET_ITEM(message, 1);
    Py_ssize_t sender = PyLong_AsSsize_t(PyTuple_GET_ITEM(message, 0));
    if (mine == NULL || (sender == -1 && PyErr_Occurred())) return -1;
    if (sender < 0 || sender >= self->actors) {
        PyErr_Format(PyExc_IndexError, "a message from actor %zd, expected one of %zd", sender, self->actors);
        return -1;
    }
    if (sender == (Py_ssize_t)actor || clock_at(mine, sender) >= PyLong_AsLongLong(clock)) return PyErr_Occurred() ? -1 : 0;
    PyObject *both = PyList_New(self->actors);
    if (both == NULL) return -1;
    for (Py_ssize_t at = 0; at < self->actors; at++) {
        PyObject *one = PyList_GET_ITEM(mine, at), *other = PyList_GET_ITEM(others, at);
        if (at == sender) {
            one = clock;
        }
        else if (one != other && PyLong_AsLongLong(other) > PyLong_AsLongLong(one)) {
            one = other;
        }
        PyList_SET_ITEM(both, at, Py_NewRef(one));
    }
    if (PyErr_Occurred()) {
        Py_DECREF(both);
        return -1;
    }
    return PyList_SetItem(self->known, actor, both);
}

/* As `Clocks.send`. */
static PyObject *
send_clocks(Clocks *self, uint32_t actor)
{
    PyObject *mine = known_to(self, actor);
    if (mine == NULL) return NULL;
    int64_t clock = clock_at(self->own, actor);
    if (clock == -1 && PyErr_Occurred()) return NULL;
    PyObject *message = PyTuple_New(3), *number = PyLong_FromUnsignedLong(actor), *next = PyLong_FromLongLong(clock + 1);
    if (message == NULL || number == NULL || next == NULL) {
        Py_XDECREF(message);
        Py_XDECREF(number);
        Py_XDECREF(next);
        return NULL;
    }
    PyTuple_SET_ITEM(message, 0, number);
    PyTuple_SET_ITEM(message, 1, Py_NewRef(PyList_GET_ITEM(self->own, actor)));
    PyTuple_SET_ITEM(message, 2, Py_NewRef(mine));
    if (PyList_SetItem(self->own, actor, next) < 0) Py_CLEAR(message);
    return message;
}

/* A plain lock is taken or given back, as `Happens._acquire` and `_release`: 1 done, 0 it is for Python to do, -1 error. */
static int
hand_on(Clocks *self, uint32_t actor, int kind, uint32_t thing, int64_t value)
{
    if (kind == ACQUIRE && value <= 0) return 1;
    PyObject *sent = PyList_GetItem(self->sent, thing), *before = PyList_GetItem(self->owner, thing);
    if (sent == NULL || before == NULL) return -1;
    if (sent != Py_None && !PyTuple_CheckExact(sent)) return 0;
    if (kind == ACQUIRE) {
        if (sent != Py_None && receive_clocks(self, actor, sent) < 0) return -1;
        PyObject *taker = PyLong_FromUnsignedLong(actor);
        return taker == NULL || PyList_SetItem(self->owner, thing, taker) < 0 ? -1 : 1;
    }
    long owner = PyLong_AsLong(before);
    if (owner == -1 && PyErr_Occurred()) return -1;
    if (owner != -1 && owner != (long)actor) return 0;
    PyObject *message = send_clocks(self, actor);
    return message == NULL || PyList_SetItem(self->sent, thing, message) < 0 ? -1 : 1;
}
