/* Policy `follow`: an actor's part of the order, and its turns. Part of `_core.c`.

   What is done here is what a replay does nearly always: the operation at hand is the next one of the trace. All else (a signal
   or garbage that is due first, a debugger's stop, a divergence, the end of the part) is left to the pure methods of the gate. */

/* An event of the order file: `order.ORDER_EVENT`. */
typedef struct {
    int64_t value;
    uint32_t object, site, after, position; /* `after`: the actor whose turn is next */
    uint16_t kind, flags;
    uint32_t unused;
} Event;

typedef char event_is_32_bytes[sizeof(Event) == 32 ? 1 : -1];

enum { LOCAL = 1, AWAIT = 2, POST = 4, FAR_AWAIT = 16, FAR_POST = 32, STOP = 64, BEFORE_SIGNAL = 128 };

typedef struct {
    PyObject_HEAD
    PyObject *gate;          /* whose pure methods do what is rare */
    PyObject *baton;         /* held by others until they tell this actor that it is its turn */
    PyObject *batons, *far;  /* of all threads of this process, by index; of actors elsewhere, by index as far as known */
    PyObject *events;        /* a memoryview of its events, `size` bytes from `first` on */
    char *first;
    Py_ssize_t size, cursor, end;
    Py_buffer file, status;
    uint32_t index;
    sem_t **known; /* semaphores of actors elsewhere by index, of `known_size`; the batons in `far` keep them open */
    uint32_t known_size;
    char blocked, told, has_turn; /* it waits for its turn; that has come already; it is at an operation in its turn */
    uint16_t flags;               /* of that turn, and the next actor and the position: `held` in Python */
    uint32_t after, position;
} Following;

static PyTypeObject FollowingType;

static int
following_traverse(Following *self, visitproc visit, void *arg)
{
    Py_VISIT(self->gate);
    Py_VISIT(self->baton);
    Py_VISIT(self->batons);
    Py_VISIT(self->far);
    Py_VISIT(self->events);
    Py_VISIT(self->file.obj);
    Py_VISIT(self->status.obj);
    return 0;
}

static int
following_clear(Following *self)
{
    Py_CLEAR(self->gate);
    Py_CLEAR(self->baton);
    Py_CLEAR(self->batons);
    Py_CLEAR(self->far);
    self->size = 0;
    Py_CLEAR(self->events);
    PyBuffer_Release(&self->file); /* does nothing where there is none */
    PyBuffer_Release(&self->status);
    return 0;
}

static void
following_dealloc(Following *self)
{
    PyObject_GC_UnTrack(self);
    following_clear(self);
    PyMem_Free(self->known);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *
following_get_events(Following *self, void *closure)
{
    if (self->events == NULL) {
        PyErr_SetString(PyExc_AttributeError, "events");
    }
    return Py_XNewRef(self->events);
}

/* What is kept busy is the file below the memoryview: Python's collector may clear a memoryview that others read, and crash. */
static int
following_set_events(Following *self, PyObject *events, void *closure)
{
    if (events == NULL || self->events != NULL || !PyMemoryView_Check(events) || !PyMemoryView_GET_BASE(events) ||
        !PyBuffer_IsContiguous(PyMemoryView_GET_BUFFER(events), 'C')) {
        PyErr_SetString(PyExc_TypeError, "events are a memoryview, and set once");
        return -1;
    }
    if (PyObject_GetBuffer(PyMemoryView_GET_BASE(events), &self->file, PyBUF_SIMPLE) < 0) return -1;
    self->events = Py_NewRef(events);
    self->first = PyMemoryView_GET_BUFFER(events)->buf;
    self->size = PyMemoryView_GET_BUFFER(events)->len;
    return 0;
}

static PyObject *
following_get_status(Following *self, void *closure)
{
    if (self->status.obj == NULL) {
        PyErr_SetString(PyExc_AttributeError, "status");
    }
    return Py_XNewRef(self->status.obj);
}

static int
following_set_status(Following *self, PyObject *status, void *closure)
{
    if (status == NULL || self->status.obj != NULL) {
        PyErr_SetString(PyExc_AttributeError, "status is set once");
        return -1;
    }
    if (PyObject_GetBuffer(status, &self->status, PyBUF_WRITABLE) < 0) return -1;
    if (self->status.len < 8) {
        PyBuffer_Release(&self->status);
        PyErr_SetString(PyExc_ValueError, "too small a buffer for the status");
        return -1;
    }
    return 0;
}

static PyObject *
following_get_held(Following *self, void *closure)
{
    if (!self->has_turn) {
        Py_RETURN_NONE;
    }
    return Py_BuildValue("iII", (int)self->flags, (unsigned int)self->after, (unsigned int)self->position);
}

static int
following_set_held(Following *self, PyObject *held, void *closure)
{
    int flags;
    unsigned int after, position;
    if (held == NULL || held == Py_None) {
        self->has_turn = 0;
        return 0;
    }
    if (!PyTuple_Check(held)) {
        PyErr_SetString(PyExc_TypeError, "a turn is flags, an actor and a position");
        return -1;
    }
    if (!PyArg_ParseTuple(held, "iII:held", &flags, &after, &position)) return -1;
    self->flags = (uint16_t)flags;
    self->after = after;
    self->position = position;
    self->has_turn = 1;
    return 0;
}

static PyGetSetDef following_getset[] = {
    {"events", (getter)following_get_events, (setter)following_set_events, NULL, NULL},
    {"status", (getter)following_get_status, (setter)following_set_status, NULL, NULL},
    {"held", (getter)following_get_held, (setter)following_set_held, NULL, NULL},
    {NULL},
};

static PyMemberDef following_members[] = {
    {"_gate", T_OBJECT_EX, offsetof(Following, gate), 0, NULL},
    {"_batons", T_OBJECT_EX, offsetof(Following, batons), 0, NULL},
    {"_far", T_OBJECT_EX, offsetof(Following, far), 0, NULL},
    {"baton", T_OBJECT_EX, offsetof(Following, baton), 0, NULL},
    {"cursor", T_PYSSIZET, offsetof(Following, cursor), 0, NULL},
    {"end", T_PYSSIZET, offsetof(Following, end), 0, NULL},
    {"index", T_UINT, offsetof(Following, index), 0, NULL},
    {"blocked", T_BOOL, offsetof(Following, blocked), 0, NULL},
    {"told", T_BOOL, offsetof(Following, told), 0, NULL},
    {NULL},
};

static PyTypeObject FollowingType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "simcore._core.FollowingBase",
    .tp_doc = "An actor's part of the order.",
    .tp_basicsize = sizeof(Following),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_dealloc = (destructor)following_dealloc,
    .tp_traverse = (traverseproc)following_traverse,
    .tp_clear = (inquiry)following_clear,
    .tp_members = following_members,
    .tp_getset = following_getset,
};
