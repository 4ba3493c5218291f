/* Records as they lie in a chunk, and what hands out their slots. Part of `_core.c`. */

typedef struct {
    int64_t value;
    uint32_t object, site, waited_us;
    uint16_t kind, flags;
    uint64_t stamp;
} Record;

typedef char record_is_32_bytes[sizeof(Record) == 32 ? 1 : -1];

/* What an actor waits for, at WAIT_AT in its first chunk: `segment.WAIT`. */
typedef struct {
    uint32_t object, site;
    uint16_t kind, flags;
    uint32_t ident;
    uint64_t since;
} Wait;

typedef char wait_is_24_bytes[sizeof(Wait) == 24 ? 1 : -1];

enum { WAIT_AT = 16, WAIT_TIMED = 1, WAIT_STAMPED = 4 };

static uint64_t
now(void)
{
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    return (uint64_t)moment.tv_sec * 1000000000u + (uint64_t)moment.tv_nsec;
}

/* The stamp is written last: a record counts once it is not zero, for whoever reads the file meanwhile and after a kill. */
static void
commit(char *at, int kind, uint32_t object, uint32_t site, int64_t value, uint32_t waited_us)
{
    Record *record = (Record *)at;
    record->value = value;
    record->object = object;
    record->site = site;
    record->waited_us = waited_us;
    record->kind = (uint16_t)kind;
    record->flags = 0;
    __atomic_store_n(&record->stamp, now(), __ATOMIC_RELEASE);
}

typedef struct {
    PyObject_HEAD
    Py_buffer view;
    Py_ssize_t next, end;
} Slots;

static PyTypeObject SlotsType;

static PyObject *
slots_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *buffer;
    Py_ssize_t next, end;
    if (!PyArg_ParseTuple(args, "Onn:Slots", &buffer, &next, &end)) return NULL;
    Slots *self = (Slots *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    if (PyObject_GetBuffer(buffer, &self->view, PyBUF_WRITABLE) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    if (next < 0 || next % 8 || end > self->view.len || (end - next) % (Py_ssize_t)sizeof(Record)) {
        PyErr_Format(PyExc_ValueError, "no records from %zd to %zd in %zd bytes", next, end, self->view.len);
        Py_DECREF(self);
        return NULL;
    }
    self->next = next;
    self->end = end;
    return (PyObject *)self;
}

static inline int
has_slot(const Slots *self)
{
    return self != NULL && self->next < self->end;
}

/* The next slot; whoever takes it has seen that there is one. */
static inline char *
take_slot(Slots *self)
{
    char *slot = (char *)self->view.buf + self->next;
    self->next += sizeof(Record);
    return slot;
}

static void
slots_dealloc(Slots *self)
{
    PyBuffer_Release(&self->view);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *
slots_next(Slots *self)
{
    if (!has_slot(self)) {
        return NULL; /* an iterator's way to say StopIteration */
    }
    return PyLong_FromSsize_t(take_slot(self) - (char *)self->view.buf);
}

static PyObject *
slots_take(Slots *self, PyObject *unused)
{
    PyObject *slot = slots_next(self);
    if (slot == NULL && !PyErr_Occurred()) {
        PyErr_SetNone(PyExc_StopIteration);
    }
    return slot;
}

static PyObject *
slots_put_back(Slots *self, PyObject *number)
{
    Py_ssize_t slot = PyLong_AsSsize_t(number);
    if (slot == -1 && PyErr_Occurred()) return NULL;
    if (slot + (Py_ssize_t)sizeof(Record) == self->next) { /* else it stays empty */
        self->next = slot;
    }
    Py_RETURN_NONE;
}

static PyObject *
slots_length_hint(Slots *self, PyObject *unused)
{
    return PyLong_FromSsize_t((self->end - self->next) / (Py_ssize_t)sizeof(Record));
}

static PyMethodDef slots_methods[] = {
    {"take", (PyCFunction)slots_take, METH_NOARGS, "The next one. Raises: StopIteration."},
    {"put_back", (PyCFunction)slots_put_back, METH_O, "It was not needed."},
    {"__length_hint__", (PyCFunction)slots_length_hint, METH_NOARGS, NULL},
    {NULL},
};

static PyTypeObject SlotsType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "simcore._core.Slots",
    .tp_doc = "Hands out the offsets of free slots in a buffer, one by one.",
    .tp_basicsize = sizeof(Slots),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = slots_new,
    .tp_dealloc = (destructor)slots_dealloc,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = (iternextfunc)slots_next,
    .tp_methods = slots_methods,
};
