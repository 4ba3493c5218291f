/* What an actor has for its records, and whose thread this is. Part of `_core.c`. */

typedef struct {
    PyObject_HEAD
    PyObject *chunk; /* (what hands out free slots, the buffer in which they are) */
    PyObject *rest;  /* slots that are held back, or None */
    PyObject *following; /* in a replay: its part of the order */
    Py_buffer wait;  /* where it says what it waits for */
    int64_t puts;    /* how many items it has put somewhere */
    uint32_t index;
    int raw, spans;
} Writer;

static PyTypeObject WriterType;

static int
writer_traverse(Writer *self, visitproc visit, void *arg)
{
    Py_VISIT(self->chunk);
    Py_VISIT(self->rest);
    Py_VISIT(self->following);
    Py_VISIT(self->wait.obj);
    return 0;
}

static int
writer_clear(Writer *self)
{
    Py_CLEAR(self->chunk);
    Py_CLEAR(self->rest);
    Py_CLEAR(self->following);
    if (self->wait.obj != NULL) {
        PyBuffer_Release(&self->wait);
    }
    return 0;
}

static void
writer_dealloc(Writer *self)
{
    PyObject_GC_UnTrack(self);
    writer_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *
writer_get_chunk(Writer *self, void *closure)
{
    PyObject *chunk;
    Py_BEGIN_CRITICAL_SECTION(self);
    chunk = Py_XNewRef(self->chunk);
    Py_END_CRITICAL_SECTION();
    if (chunk == NULL) {
        PyErr_SetString(PyExc_AttributeError, "chunk");
    }
    return chunk;
}

static int
is_chunk(PyObject *chunk)
{
    return PyTuple_CheckExact(chunk) && PyTuple_GET_SIZE(chunk) == 2;
}

static int
writer_set_chunk(Writer *self, PyObject *chunk, void *closure)
{
    if (chunk == NULL || !is_chunk(chunk)) {
        PyErr_SetString(PyExc_TypeError, "a chunk is a pair");
        return -1;
    }
    PyObject *before;
    Py_BEGIN_CRITICAL_SECTION(self);
    before = self->chunk;
    self->chunk = Py_NewRef(chunk);
    Py_END_CRITICAL_SECTION();
    Py_XDECREF(before);
    return 0;
}

static PyObject *
writer_get_wait_buffer(Writer *self, void *closure)
{
    if (self->wait.obj == NULL) {
        PyErr_SetString(PyExc_AttributeError, "wait_buffer");
    }
    return Py_XNewRef(self->wait.obj);
}

static int
writer_set_wait_buffer(Writer *self, PyObject *buffer, void *closure)
{
    if (buffer == NULL || self->wait.obj != NULL) {
        PyErr_SetString(PyExc_AttributeError, "wait_buffer is set once");
        return -1;
    }
    if (PyObject_GetBuffer(buffer, &self->wait, PyBUF_WRITABLE) < 0) return -1;
    if (self->wait.len < WAIT_AT + (Py_ssize_t)sizeof(Wait)) {
        PyBuffer_Release(&self->wait);
        PyErr_SetString(PyExc_ValueError, "too small a buffer to wait in");
        return -1;
    }
    return 0;
}

static PyGetSetDef writer_getset[] = {
    {"wait_buffer", (getter)writer_get_wait_buffer, (setter)writer_set_wait_buffer, NULL, NULL},
    {"chunk", (getter)writer_get_chunk, (setter)writer_set_chunk, NULL, NULL},
    {NULL},
};

static PyMemberDef writer_members[] = {
    {"rest", T_OBJECT, offsetof(Writer, rest), 0, NULL},
    {"following", T_OBJECT, offsetof(Writer, following), 0, NULL},
    {"puts", T_LONGLONG, offsetof(Writer, puts), 0, NULL},
    {"index", T_UINT, offsetof(Writer, index), 0, NULL},
    {"raw", T_INT, offsetof(Writer, raw), 0, NULL},
    {"spans", T_INT, offsetof(Writer, spans), 0, NULL},
    {NULL},
};

static PyTypeObject WriterType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "simcore._core.Writer",
    .tp_doc = "What an actor has for its records.",
    .tp_basicsize = sizeof(Writer),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_dealloc = (destructor)writer_dealloc,
    .tp_traverse = (traverseproc)writer_traverse,
    .tp_clear = (inquiry)writer_clear,
    .tp_members = writer_members,
    .tp_getset = writer_getset,
};

/* Whose thread this is: a slot of the operating system's, for each operation asks. */
static Py_tss_t current_actor = Py_tss_NEEDS_INIT;

static PyObject *
local_get(PyObject *self, void *closure)
{
    PyObject *actor = PyThread_tss_get(&current_actor);
    if (actor == NULL) {
        PyErr_SetString(PyExc_AttributeError, "actor");
    }
    return Py_XNewRef(actor);
}

static int
local_set(PyObject *self, PyObject *actor, void *closure)
{
    PyObject *before = PyThread_tss_get(&current_actor);
    if (actor == NULL && before == NULL) {
        PyErr_SetString(PyExc_AttributeError, "actor");
        return -1;
    }
    if (actor == Py_None) {
        actor = NULL;
    }
    if (actor != NULL && !PyObject_TypeCheck(actor, &WriterType)) {
        PyErr_SetString(PyExc_TypeError, "not an actor");
        return -1;
    }
    if (PyThread_tss_set(&current_actor, Py_XNewRef(actor)) != 0) {
        Py_XDECREF(actor);
        PyErr_NoMemory();
        return -1;
    }
    Py_XDECREF(before);
    return 0;
}

static PyGetSetDef local_getset[] = {
    {"actor", local_get, local_set, "The actor on whose behalf this thread runs.", NULL},
    {NULL},
};

static PyTypeObject LocalType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "simcore._core.Local",
    .tp_doc = "What each thread has of its own.",
    .tp_basicsize = sizeof(PyObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_getset = local_getset,
};

static PyObject *
core_here(PyObject *module, PyObject *unused)
{
    PyObject *actor = PyThread_tss_get(&current_actor);
    return Py_NewRef(actor == NULL ? Py_None : actor);
}

/* The actor of this thread if what it does is to be recorded, else NULL. Borrowed. */
static Writer *
acting(void)
{
    Writer *actor = PyThread_tss_get(&current_actor);
    return actor == NULL || actor->raw ? NULL : actor;
}

static PyObject *
core_acting(PyObject *module, PyObject *unused)
{
    Writer *actor = acting();
    return Py_NewRef(actor == NULL ? Py_None : (PyObject *)actor);
}
