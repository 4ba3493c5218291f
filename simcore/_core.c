/* The core in C of what is recorded: slots, records, call sites, spans, and the lock pair.

   It mirrors simcore.runtime: the classes and functions here bear the names of the pure Python ones and do what those do;
   `simcore.runtime.core` chooses between the two. Whatever is rare is left to Python, which is called from here: a new place in
   the source, slots that are used up, a lock that somebody else holds.

   Between the moment at which a slot is reserved and the moment at which it is committed nothing else may take it. Finalisers
   may run there (an allocation can start the collector on 3.11), and what they record goes into the slots behind it. A slot is
   taken by the actor's own thread only: no lock is needed for that, with the GIL or without. Where another thread reaches in
   (the end of the process takes the slots of all actors away) it replaces `chunk` as a whole, under the object's own lock on
   builds without a GIL. The table of places is shared by all threads, and relies on the GIL or, without one, on a mutex. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#if PY_VERSION_HEX < 0x030d0000
#define Py_BEGIN_CRITICAL_SECTION(op) {
#define Py_END_CRITICAL_SECTION() }
#endif

#if PY_VERSION_HEX < 0x030c0000
static PyObject *
PyErr_GetRaisedException(void)
{
    PyObject *kind, *error, *trace;
    PyErr_Fetch(&kind, &error, &trace);
    if (kind != NULL) {
        PyErr_NormalizeException(&kind, &error, &trace);
        if (trace != NULL) {
            PyException_SetTraceback(error, trace);
        }
    }
    Py_XDECREF(kind);
    Py_XDECREF(trace);
    return error;
}

static void
PyErr_SetRaisedException(PyObject *error)
{
    if (error == NULL) {
        PyErr_Clear();
    }
    else {
        PyErr_Restore(Py_NewRef(Py_TYPE(error)), error, PyException_GetTraceback(error));
    }
}
#endif

#define FAST(function) ((PyCFunction)(void (*)(void))(function))

#ifdef Py_GIL_DISABLED
static PyMutex places_mutex;
#define LOCK_PLACES() PyMutex_Lock(&places_mutex)
#define UNLOCK_PLACES() PyMutex_Unlock(&places_mutex)
#else
#define LOCK_PLACES()
#define UNLOCK_PLACES()
#endif

/* Kinds that are written here, by their numbers in simcore.trace.events. */
enum { ACQUIRE = 1, RELEASE = 2, UNDO = 3, PUT = 8, GET = 9, WRITE = 11, SEND = 31, RECV = 32, CREATE = 60, SPAN = 61 };

enum { TOO_LONG = -3 }; /* the value of RECV for a message that was refused */

static PyObject *own_site;     /* the site of the very place at which a frame is */
static PyObject *place_of;     /* what a frame is: its site, OURS, or LIBRARY */
static PyObject *enter_purely; /* what an actor has to do before an operation, at times */
static PyObject *str_renew, *str_later, *str_simcore_id, *str_enter, *str_exit, *str_acquire, *str_release,
    *str_number, *str_notempty, *str_simcore_queue, *str_tell;

/* Records ----------------------------------------------------------------------------------------------------------------- */

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

enum { WAIT_AT = 16, WAIT_TIMED = 1 };

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

/* Slots ------------------------------------------------------------------------------------------------------------------- */

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
    if (!PyArg_ParseTuple(args, "Onn:Slots", &buffer, &next, &end)) {
        return NULL;
    }
    Slots *self = (Slots *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
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

static void
slots_dealloc(Slots *self)
{
    PyBuffer_Release(&self->view);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *
slots_next(Slots *self)
{
    if (self->next >= self->end) {
        return NULL; /* an iterator's way to say StopIteration */
    }
    Py_ssize_t slot = self->next;
    self->next += sizeof(Record);
    return PyLong_FromSsize_t(slot);
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
    if (slot == -1 && PyErr_Occurred()) {
        return NULL;
    }
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

/* Actors ------------------------------------------------------------------------------------------------------------------ */

typedef struct {
    PyObject_HEAD
    PyObject *chunk; /* (what hands out free slots, the buffer in which they are) */
    PyObject *rest;  /* slots that are held back, or None */
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
    Py_VISIT(self->wait.obj);
    return 0;
}

static int
writer_clear(Writer *self)
{
    Py_CLEAR(self->chunk);
    Py_CLEAR(self->rest);
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
writer_set_chunk(Writer *self, PyObject *chunk, void *closure)
{
    if (chunk == NULL || !PyTuple_CheckExact(chunk) || PyTuple_GET_SIZE(chunk) != 2) {
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
    if (PyObject_GetBuffer(buffer, &self->wait, PyBUF_WRITABLE) < 0) {
        return -1;
    }
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

/* A slot that is reserved. `owner` keeps its memory; `slots` is what it came from, where that is ours. */
typedef struct {
    char *at;
    Slots *slots;
    Py_buffer view;
} Slot;

static int
renew(Writer *actor, int later)
{
    PyObject *arguments[2] = {(PyObject *)actor, later ? Py_True : Py_False};
    static PyObject *names;
    if (names == NULL && (names = PyTuple_Pack(1, str_later)) == NULL) {
        return -1;
    }
    PyObject *done = PyObject_VectorcallMethod(str_renew, arguments, 1, names);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* The slots behind their `take`, or NULL. Borrowed. */
static Slots *
slots_in(PyObject *take)
{
    PyObject *self = PyCFunction_CheckExact(take) ? PyCFunction_GET_SELF(take) : NULL;
    return self != NULL && Py_IS_TYPE(self, &SlotsType) ? (Slots *)self : NULL;
}

/* From what hands out slots in pure Python, as after slots were put back: 1 got one, 0 none is left, -1 error. */
static int
reserve_slowly(PyObject *chunk, Slot *slot)
{
    PyObject *offset = PyObject_CallNoArgs(PyTuple_GET_ITEM(chunk, 0));
    if (offset == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_StopIteration)) {
            return -1;
        }
        PyErr_Clear();
        return 0;
    }
    Py_ssize_t number = PyLong_AsSsize_t(offset);
    Py_DECREF(offset);
    if (number == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (PyObject_GetBuffer(PyTuple_GET_ITEM(chunk, 1), &slot->view, PyBUF_WRITABLE) < 0) {
        return -1;
    }
    slot->slots = NULL;
    slot->at = (char *)slot->view.buf + number;
    return 1;
}

/* Reserve the actor's next slot; Python is called when there is none, and may run anything then. */
static int
reserve(Writer *actor, int later, Slot *slot)
{
    for (;;) {
        PyObject *chunk;
        Py_BEGIN_CRITICAL_SECTION(actor);
        chunk = Py_XNewRef(actor->chunk);
        Py_END_CRITICAL_SECTION();
        if (chunk == NULL) {
            PyErr_SetString(PyExc_AttributeError, "chunk");
            return -1;
        }
        Slots *slots = slots_in(PyTuple_GET_ITEM(chunk, 0));
        int got = 0;
        if (slots != NULL) {
            if (slots->next < slots->end) {
                slot->slots = (Slots *)Py_NewRef(slots);
                slot->at = (char *)slots->view.buf + slots->next;
                slots->next += sizeof(Record);
                got = 1;
            }
        }
        else {
            got = reserve_slowly(chunk, slot);
        }
        Py_DECREF(chunk);
        if (got) {
            return got < 0 ? -1 : 0;
        }
        if (renew(actor, later) < 0) {
            return -1;
        }
    }
}

static void
let_go(Slot *slot)
{
    if (slot->slots != NULL) {
        Py_DECREF(slot->slots);
    }
    else {
        PyBuffer_Release(&slot->view);
    }
}

/* The slot is not needed after all; it stays empty where a finaliser has taken the one behind it. */
static void
put_back(Slot *slot)
{
    Slots *slots = slot->slots;
    if (slots != NULL && slot->at + sizeof(Record) == (char *)slots->view.buf + slots->next) {
        slots->next -= sizeof(Record);
    }
    let_go(slot);
}

/* Garbage is not looked for with a lock at hand, behind a write, or at what takes no turn in replay. */
static int
is_later(int kind)
{
    return kind == ACQUIRE || kind == RELEASE || kind == SPAN || kind == CREATE || kind == WRITE;
}

static int
emit(Writer *actor, int kind, uint32_t object, uint32_t site, int64_t value, uint32_t waited_us)
{
    Slot slot;
    if (reserve(actor, is_later(kind), &slot) < 0) {
        return -1;
    }
    commit(slot.at, kind, object, site, value, waited_us);
    let_go(&slot);
    return 0;
}

/* A number of a record's head. Raises: OverflowError where it does not fit. */
static int
number_of(PyObject *object, int64_t most, int64_t *number)
{
    int64_t found = PyLong_AsLongLong(object);
    if (found == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (most && (found < 0 || found > most)) {
        PyErr_Format(PyExc_OverflowError, "%lld does not fit into a record", (long long)found);
        return -1;
    }
    *number = found;
    return 0;
}

static PyObject *
core_emit(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    int64_t kind, object, site, value, waited_us = 0;
    if (nargs < 5 || nargs > 6 || !PyObject_TypeCheck(args[0], &WriterType)) {
        PyErr_SetString(PyExc_TypeError, "emit takes an actor, kind, object, site, value and at times how long it waited");
        return NULL;
    }
    if (number_of(args[1], UINT16_MAX, &kind) < 0 || number_of(args[2], UINT32_MAX, &object) < 0 ||
        number_of(args[3], UINT32_MAX, &site) < 0 || number_of(args[4], 0, &value) < 0 ||
        (nargs == 6 && number_of(args[5], UINT32_MAX, &waited_us) < 0)) {
        return NULL;
    }
    if (emit((Writer *)args[0], (int)kind, (uint32_t)object, (uint32_t)site, value, (uint32_t)waited_us) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static uint64_t
publish(Writer *actor, int kind, uint32_t object, uint32_t site, int flags)
{
    Wait *wait = (Wait *)((char *)actor->wait.buf + WAIT_AT);
    uint64_t since = now();
    wait->object = object;
    wait->site = site;
    wait->kind = (uint16_t)kind;
    wait->flags = (uint16_t)flags;
    wait->ident = 0;
    __atomic_store_n(&wait->since, since, __ATOMIC_RELEASE);
    return since;
}

static void
unpublish(Writer *actor)
{
    memset((char *)actor->wait.buf + WAIT_AT, 0, sizeof(Wait));
}

/* publish(actor, kind, object, site, *, timed, flags=0) */
static PyObject *
core_publish(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    int64_t kind, object, site, flags = 0;
    Py_ssize_t named = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    if (nargs != 4 || !named || !PyObject_TypeCheck(args[0], &WriterType) || ((Writer *)args[0])->wait.obj == NULL) {
        PyErr_SetString(PyExc_TypeError, "publish takes an actor, kind, object, site, and whether it waits with a timeout");
        return NULL;
    }
    if (number_of(args[1], UINT16_MAX, &kind) < 0 || number_of(args[2], UINT32_MAX, &object) < 0 ||
        number_of(args[3], UINT32_MAX, &site) < 0) {
        return NULL;
    }
    for (Py_ssize_t at = 0; at < named; at++) {
        if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, at), "timed") == 0) {
            flags |= PyObject_IsTrue(args[4 + at]) ? WAIT_TIMED : 0;
        }
        else {
            int64_t more;
            if (number_of(args[4 + at], UINT16_MAX, &more) < 0) {
                return NULL;
            }
            flags |= more;
        }
    }
    uint64_t since = publish((Writer *)args[0], (int)kind, (uint32_t)object, (uint32_t)site, (int)flags);
    return PyLong_FromUnsignedLongLong(since);
}

static PyObject *
core_unpublish(PyObject *module, PyObject *actor)
{
    if (!PyObject_TypeCheck(actor, &WriterType) || ((Writer *)actor)->wait.obj == NULL) {
        PyErr_SetString(PyExc_TypeError, "not an actor");
        return NULL;
    }
    unpublish((Writer *)actor);
    Py_RETURN_NONE;
}

/* The gate of a recording ------------------------------------------------------------------------------------------------- */

static int closing; /* the process is about to end */

static PyObject *
core_set_closing(PyObject *module, PyObject *value)
{
    closing = PyObject_IsTrue(value);
    Py_RETURN_NONE;
}

/* Python has something to do before an operation of an actor with a rest, and at the end. */
static int
before_operation(Writer *actor)
{
    if (!closing && (actor->rest == NULL || actor->rest == Py_None)) {
        return 0;
    }
    PyObject *done = PyObject_CallOneArg(enter_purely, (PyObject *)actor);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* enter(actor, kind, object, site): nothing is prescribed. */
static PyObject *
core_enter(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 4 || !PyObject_TypeCheck(args[0], &WriterType)) {
        PyErr_SetString(PyExc_TypeError, "enter takes an actor, kind, object and site");
        return NULL;
    }
    if (before_operation((Writer *)args[0]) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
core_gave(PyObject *module, PyObject *actor)
{
    Py_RETURN_NONE;
}

/* Call sites -------------------------------------------------------------------------------------------------------------- */

enum { UNKNOWN = 0, OURS = -1, LIBRARY = -2 };

/* A place: a code object, which is kept alive, and the offset of an instruction. Instructions have even offsets; the odd ones
   stand for the same place where its own site is asked for, though it is the library's. */
typedef struct {
    PyObject *code;
    int offset;
    int64_t site;
} Place;

static Place *places;
static size_t places_size, places_used; /* a power of two, at most two thirds of it used */

static Place *
find(Place *table, size_t size, PyObject *code, int offset)
{
    size_t at = ((uintptr_t)code >> 4) * 31 + (size_t)offset * 0x9e3779b1u;
    for (at ^= at >> 15;; at++) {
        Place *place = &table[at & (size - 1)];
        if (place->code == NULL || (place->code == code && place->offset == offset)) {
            return place;
        }
    }
}

static int64_t
known_site(PyObject *code, int offset)
{
    int64_t site = UNKNOWN;
    LOCK_PLACES();
    if (places_size) {
        site = find(places, places_size, code, offset)->site;
    }
    UNLOCK_PLACES();
    return site;
}

static int
grow(void)
{
    size_t size = places_size ? places_size * 2 : 1024;
    Place *table = PyMem_RawCalloc(size, sizeof(Place));
    if (table == NULL) {
        return -1;
    }
    for (size_t at = 0; at < places_size; at++) {
        if (places[at].code != NULL) {
            *find(table, size, places[at].code, places[at].offset) = places[at];
        }
    }
    PyMem_RawFree(places);
    places = table;
    places_size = size;
    return 0;
}

static int
keep_site(PyObject *code, int offset, int64_t site)
{
    int failed = 0;
    LOCK_PLACES();
    if (places_used * 3 >= places_size * 2) {
        failed = grow();
    }
    if (!failed) {
        Place *place = find(places, places_size, code, offset);
        if (place->code == NULL) {
            place->code = Py_NewRef(code);
            place->offset = offset;
            places_used++;
        }
        place->site = site;
    }
    UNLOCK_PLACES();
    if (failed) {
        PyErr_NoMemory();
    }
    return failed;
}

/* What a place is; Python is asked once, and tells by `teller`. */
static int
look_up(PyFrameObject *frame, PyObject *teller, int own, int64_t *site)
{
    PyObject *code = (PyObject *)PyFrame_GetCode(frame);
    int offset = PyFrame_GetLasti(frame) | own, result = 0;
    *site = known_site(code, offset);
    if (*site == UNKNOWN) {
        PyObject *told = PyObject_CallOneArg(teller, (PyObject *)frame);
        result = told == NULL ? -1 : number_of(told, 0, site);
        Py_XDECREF(told);
        if (result == 0) {
            result = keep_site(code, offset, *site);
        }
    }
    Py_DECREF(code);
    return result;
}

/* The first frame of the user's, from this one outwards; the library's innermost where the whole stack is the library's. */
static int
site_of(PyFrameObject *innermost, uint32_t *site)
{
    PyFrameObject *frame = (PyFrameObject *)Py_XNewRef(innermost), *library = NULL;
    int64_t found = 0;
    int result = 0;
    while (frame != NULL) {
        if ((result = look_up(frame, place_of, 0, &found)) < 0 || found > 0) {
            break;
        }
        if (found == LIBRARY && library == NULL) {
            library = (PyFrameObject *)Py_NewRef(frame);
        }
        PyFrameObject *next = PyFrame_GetBack(frame);
        Py_DECREF(frame);
        frame = next;
    }
    if (frame == NULL) {
        found = 0;
        if (library != NULL) {
            result = look_up(library, own_site, 1, &found);
        }
    }
    Py_XDECREF(frame);
    Py_XDECREF(library);
    *site = (uint32_t)found;
    return result;
}

static PyObject *
core_site_of(PyObject *module, PyObject *frame)
{
    uint32_t site = 0;
    if (frame != Py_None && !PyFrame_Check(frame)) {
        PyErr_SetString(PyExc_TypeError, "not a frame");
        return NULL;
    }
    if (frame != Py_None && site_of((PyFrameObject *)frame, &site) < 0) {
        return NULL;
    }
    return PyLong_FromUnsignedLong(site);
}

/* Locks ------------------------------------------------------------------------------------------------------------------- */

/* What a lock of ours has, whichever lock it wraps. The methods are for one that is being recorded: they do what goes without
   waiting, and leave all else to the pure methods of the same class. */
typedef struct {
    PyObject_HEAD
    PyObject *acquire, *release; /* of the lock within, bound */
    PyObject *owned; /* of a re-entrant one: whether it is this thread's */
    int depth; /* of a re-entrant one; read and written by its owner */
    int64_t tag; /* where taking it puts an item somewhere: of the item put last */
    uint32_t simcore_id;
    int given; /* the value of a release */
    char puts; /* whether taking it puts an item somewhere */
} LockBase;

static int
lock_traverse(LockBase *self, visitproc visit, void *arg)
{
    Py_VISIT(self->acquire);
    Py_VISIT(self->release);
    Py_VISIT(self->owned);
    return 0;
}

static int
lock_clear(LockBase *self)
{
    Py_CLEAR(self->acquire);
    Py_CLEAR(self->release);
    Py_CLEAR(self->owned);
    return 0;
}

static void
lock_dealloc(LockBase *self)
{
    PyObject_GC_UnTrack(self);
    lock_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* The site of the program's line that is being executed. */
static int
current_site(uint32_t *site)
{
    return site_of(PyEval_GetFrame(), site);
}

/* Take the lock if it is free and record that: 1 done, 0 it is for Python to do, -1 error.

   The slot is reserved first, for that may call Python. The try calls C only and never waits, so the lock is taken and the
   record is stamped with nothing of the program's in between but a finaliser. */
static int
take(LockBase *self)
{
    Writer *actor = acting();
    uint32_t site;
    Slot slot;
    if (actor == NULL || !self->simcore_id || self->acquire == NULL) {
        return 0;
    }
    Py_INCREF(actor);
    int result = current_site(&site);
    if (result == 0) {
        result = reserve(actor, 0, &slot);
    }
    Py_DECREF(actor); /* its thread keeps it */
    if (result < 0) {
        return -1;
    }
    PyObject *got = PyObject_CallOneArg(self->acquire, Py_False);
    if (got != Py_True) {
        put_back(&slot);
        Py_XDECREF(got);
        return got == NULL ? -1 : 0;
    }
    Py_DECREF(got);
    self->depth += self->owned != NULL;
    if (self->puts) {
        self->tag = (int64_t)actor->index << 32 | ++actor->puts;
        commit(slot.at, PUT, self->simcore_id, site, self->tag, 0);
    }
    else {
        commit(slot.at, ACQUIRE, self->simcore_id, site, 1, 0);
    }
    let_go(&slot);
    return 1;
}

/* Record that the lock is given back and do it; who takes it next is stamped later. As `take`. */
static int
give(LockBase *self)
{
    Writer *actor = acting();
    uint32_t site;
    if (actor == NULL || !self->simcore_id || self->release == NULL) {
        return 0;
    }
    if (self->owned != NULL) {
        PyObject *owned = PyObject_CallNoArgs(self->owned);
        Py_XDECREF(owned);
        if (owned != Py_True) {
            return owned == NULL ? -1 : 0;
        }
    }
    Py_INCREF(actor);
    int result = current_site(&site);
    if (result == 0) {
        result = emit(actor, RELEASE, self->simcore_id, site, self->given, 0);
    }
    self->depth -= result == 0 && self->owned != NULL;
    PyObject *done = result < 0 ? NULL : PyObject_CallNoArgs(self->release);
    if (result == 0 && done == NULL) { /* it was not taken */
        PyObject *error = PyErr_GetRaisedException();
        if (emit(actor, UNDO, self->simcore_id, site, 0, 0) == 0) {
            PyErr_SetRaisedException(error);
        }
        else {
            Py_XDECREF(error);
        }
    }
    Py_DECREF(actor);
    Py_XDECREF(done);
    return done == NULL ? -1 : 1;
}

/* The pure method, called with the arguments that came. It finds the same frame at its caller's place. */
static PyObject *
purely(LockBase *self, PyObject *name, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    PyObject *method = PyObject_GetAttr((PyObject *)self, name);
    PyObject *result = method == NULL ? NULL : PyObject_Vectorcall(method, args, nargs, names);
    Py_XDECREF(method);
    return result;
}

static PyObject *
lock_enter(LockBase *self, PyObject *unused)
{
    int done = take(self);
    if (done > 0) {
        Py_RETURN_TRUE;
    }
    return done < 0 ? NULL : purely(self, str_enter, NULL, 0, NULL);
}

static PyObject *
lock_exit(LockBase *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    int done = give(self);
    if (done > 0) {
        Py_RETURN_NONE;
    }
    return done < 0 ? NULL : purely(self, str_exit, args, nargs, names);
}

/* The end of a block that is no event itself. */
static PyObject *
lock_just_release(LockBase *self, PyObject *const *args, Py_ssize_t nargs)
{
    if (self->release == NULL) {
        PyErr_SetString(PyExc_AttributeError, "_release");
        return NULL;
    }
    return PyObject_CallNoArgs(self->release);
}

static PyObject *
lock_acquire(LockBase *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    /* Other arguments may be wrong ones, which is for Python to say. */
    int plain = names == NULL && (nargs == 0 || (nargs == 1 && PyBool_Check(args[0])));
    int done = plain ? take(self) : 0;
    if (done > 0) {
        Py_RETURN_TRUE;
    }
    return done < 0 ? NULL : purely(self, str_acquire, args, nargs, names);
}

static PyObject *
lock_try_first(LockBase *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    int done = take(self);
    if (done > 0) {
        Py_RETURN_TRUE;
    }
    return done < 0 ? NULL : purely(self, str_acquire, args, nargs, names);
}

static PyObject *
lock_release(LockBase *self, PyObject *unused)
{
    int done = give(self);
    if (done > 0) {
        Py_RETURN_NONE;
    }
    return done < 0 ? NULL : purely(self, str_release, NULL, 0, NULL);
}

static PyMethodDef lock_methods[] = {
    {"__enter__", (PyCFunction)lock_enter, METH_NOARGS, NULL},
    {"__exit__", FAST(lock_exit), METH_FASTCALL | METH_KEYWORDS, NULL},
    {"acquire", FAST(lock_acquire), METH_FASTCALL | METH_KEYWORDS, "As of the lock within."},
    {"just_release", FAST(lock_just_release), METH_FASTCALL, "As `__exit__`, without a record."},
    {"try_first", FAST(lock_try_first), METH_FASTCALL | METH_KEYWORDS, "As `acquire`, where one that is free is taken at once."},
    {"release", (PyCFunction)lock_release, METH_NOARGS, "As of the lock within."},
    {NULL},
};

static PyMemberDef lock_members[] = {
    {"_acquire", T_OBJECT_EX, offsetof(LockBase, acquire), 0, NULL},
    {"_release", T_OBJECT_EX, offsetof(LockBase, release), 0, NULL},
    {"_owned", T_OBJECT_EX, offsetof(LockBase, owned), 0, NULL},
    {"_depth", T_INT, offsetof(LockBase, depth), 0, NULL},
    {"simcore_id", T_UINT, offsetof(LockBase, simcore_id), 0, NULL},
    {"tag", T_LONGLONG, offsetof(LockBase, tag), 0, NULL},
    {"puts", T_BOOL, offsetof(LockBase, puts), 0, NULL},
    {"given", T_INT, offsetof(LockBase, given), 0, NULL},
    {NULL},
};

static PyTypeObject LockBaseType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "simcore._core.LockBase",
    .tp_doc = "What a lock of ours has.",
    .tp_basicsize = sizeof(LockBase),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_dealloc = (destructor)lock_dealloc,
    .tp_traverse = (traverseproc)lock_traverse,
    .tp_clear = (inquiry)lock_clear,
    .tp_methods = lock_methods,
    .tp_members = lock_members,
};

/* Buffers ----------------------------------------------------------------------------------------------------------------- */

static PyObject *deque_append, *deque_popleft;

/* Put an item in with the tag of who has just taken `_notempty` for that. */
static PyObject *
buffer_append(PyObject *self, PyObject *item)
{
    LockBase *notempty = (LockBase *)PyObject_GetAttr(self, str_notempty);
    if (notempty == NULL) {
        return NULL;
    }
    PyObject *tagged = Py_BuildValue("LO", (long long)notempty->tag, item);
    PyObject *args[] = {self, tagged};
    PyObject *result = tagged == NULL ? NULL : PyObject_Vectorcall(deque_append, args, 2, NULL);
    Py_XDECREF(tagged);
    Py_DECREF(notempty);
    return result;
}

/* Take the next item out, and record whose it is. */
static PyObject *
buffer_popleft(PyObject *self, PyObject *unused)
{
    PyObject *tagged = PyObject_CallOneArg(deque_popleft, self), *number = NULL, *item = NULL;
    Writer *actor = acting();
    int64_t tag, object;
    uint32_t site;
    if (tagged == NULL || number_of(PyTuple_GET_ITEM(tagged, 0), 0, &tag) < 0) {
        Py_XDECREF(tagged);
        return NULL;
    }
    if (actor == NULL || !tag ||
        ((number = PyObject_GetAttr(self, str_number)) != NULL && number_of(number, UINT32_MAX, &object) == 0 &&
         before_operation(actor) == 0 && current_site(&site) == 0 &&
         emit(actor, GET, (uint32_t)object, site, tag, 0) == 0)) {
        item = Py_NewRef(PyTuple_GET_ITEM(tagged, 1));
    }
    Py_XDECREF(number);
    Py_DECREF(tagged);
    return item;
}

static PyMethodDef buffer_methods[] = {
    {"append", buffer_append, METH_O, "As `deque.append`; only called by who has just put."},
    {"popleft", buffer_popleft, METH_NOARGS, "As `deque.popleft`; only called by the feeder. Raises: IndexError."},
    {NULL},
};

static PyType_Slot buffer_slots[] = {{Py_tp_methods, buffer_methods}, {0, NULL}};

static PyType_Spec buffer_spec = {"simcore._core.BufferBase", 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, buffer_slots};

/* The class, made of Python's `deque`. */
static int
add_buffer(PyObject *module)
{
    PyObject *collections = PyImport_ImportModule("_collections"), *deque = NULL, *made = NULL;
    if (collections != NULL && (deque = PyObject_GetAttrString(collections, "deque")) != NULL &&
        (deque_append = PyObject_GetAttrString(deque, "append")) != NULL &&
        (deque_popleft = PyObject_GetAttrString(deque, "popleft")) != NULL) {
        made = PyType_FromSpecWithBases(&buffer_spec, deque);
    }
    int result = made == NULL ? -1 : PyModule_AddObjectRef(module, "BufferBase", made);
    Py_XDECREF(collections);
    Py_XDECREF(deque);
    Py_XDECREF(made);
    return result;
}

/* Messages ---------------------------------------------------------------------------------------------------------------- */

/* The number that an object bears under a name: 0 where it has none, -1 error. */
static int64_t
number_named(PyObject *object, PyObject *name)
{
    int64_t number = 0;
    PyObject *told = PyObject_GetAttr(object, name);
    if (told == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) {
            return -1;
        }
        PyErr_Clear();
        return 0;
    }
    if (number_of(told, UINT32_MAX, &number) < 0) {
        number = -1;
    }
    Py_DECREF(told);
    return number;
}

/* sending(connection, message, send, rarely): record the message and send it, which may wait for room.

   All but what goes into a queue's pipe is left to `rarely`: who sends there holds the queue's lock. */
static PyObject *
core_sending(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Writer *actor = acting();
    int64_t number = 0;
    uint32_t site;
    if (nargs != 4) {
        PyErr_SetString(PyExc_TypeError, "sending takes a connection, a message, and how it is sent");
        return NULL;
    }
    if (actor != NULL && (number = number_named(args[0], str_simcore_queue)) > 0) {
        number = number_named(args[0], str_simcore_id);
    }
    if (number <= 0) {
        return number < 0 ? NULL : PyObject_Vectorcall(args[3], args, 2, NULL);
    }
    Py_ssize_t size = PyObject_Size(args[1]);
    if (size < 0 || current_site(&site) < 0 || emit(actor, SEND, (uint32_t)number, site, size, 0) < 0) {
        return NULL;
    }
    publish(actor, SEND, (uint32_t)number, site, 0);
    PyObject *result = PyObject_Vectorcall(args[2], args, 2, NULL);
    unpublish(actor);
    if (result == NULL && PyErr_ExceptionMatches(PyExc_OSError)) { /* nothing was sent */
        PyObject *error = PyErr_GetRaisedException(), *told = PyObject_GetAttrString(error, "errno");
        int64_t code = 0;
        if (told == NULL || (told != Py_None && number_of(told, 0, &code) < 0) ||
            emit(actor, UNDO, (uint32_t)number, site, -code, 0) < 0) {
            Py_DECREF(error);
        }
        else {
            PyErr_SetRaisedException(error);
        }
        Py_XDECREF(told);
    }
    return result;
}

/* receiving(connection, most, receive, rarely, value_of): receive a message and record what came.

   `value_of` tells the value of an error, or None where that is none of the connection's. */
static PyObject *
core_receiving(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Writer *actor = acting();
    int64_t number = 0, value = TOO_LONG;
    uint32_t site;
    if (nargs != 5) {
        PyErr_SetString(PyExc_TypeError, "receiving takes a connection, the most that may come, and how it is received");
        return NULL;
    }
    if (actor != NULL) {
        number = number_named(args[0], str_simcore_id);
    }
    if (number <= 0) {
        return number < 0 ? NULL : PyObject_Vectorcall(args[3], args, 2, NULL);
    }
    if (before_operation(actor) < 0 || current_site(&site) < 0) {
        return NULL;
    }
    uint64_t since = publish(actor, RECV, (uint32_t)number, site, 0);
    PyObject *result = PyObject_Vectorcall(args[2], args, 2, NULL), *error = NULL, *told = NULL;
    unpublish(actor);
    uint64_t waited_us = (now() - since) / 1000;
    int failed = 0, is_event = 1;
    if (result == NULL) {
        error = PyErr_GetRaisedException();
        told = PyObject_CallOneArg(args[4], error);
        is_event = told != Py_None;
        failed = told == NULL || (is_event && number_of(told, 0, &value) < 0);
    }
    else if (result != Py_None) {
        told = PyObject_CallMethodNoArgs(result, str_tell);
        failed = told == NULL || number_of(told, 0, &value) < 0;
    }
    if (!failed && is_event) {
        waited_us = waited_us > UINT32_MAX ? UINT32_MAX : waited_us;
        failed = emit(actor, RECV, (uint32_t)number, site, value, (uint32_t)waited_us) < 0;
    }
    Py_XDECREF(told);
    if (failed) {
        Py_CLEAR(result);
        Py_XDECREF(error);
    }
    else if (error != NULL) {
        PyErr_SetRaisedException(error);
    }
    return result;
}

/* Spans ------------------------------------------------------------------------------------------------------------------- */

/* spanning(original, number, fixed, args, kwargs): call the original between two records. */
static PyObject *
core_spanning(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 5 || !PyTuple_Check(args[3])) {
        PyErr_SetString(PyExc_TypeError, "spanning takes a function, a number, an object's id, arguments and named ones");
        return NULL;
    }
    Writer *actor = acting();
    int64_t number, object = 0;
    uint32_t site;
    if (number_of(args[1], UINT16_MAX, &number) < 0 || number_of(args[2], UINT32_MAX, &object) < 0) {
        return NULL;
    }
    if (actor == NULL || actor->spans || !PyTuple_GET_SIZE(args[3])) {
        object = 0;
    }
    else if (!object && (object = number_named(PyTuple_GET_ITEM(args[3], 0), str_simcore_id)) < 0) {
        return NULL;
    }
    if (!object) {
        return PyObject_Call(args[0], args[3], args[4]);
    }
    if (current_site(&site) < 0) {
        return NULL;
    }
    Py_INCREF(actor);
    actor->spans++;
    PyObject *result = NULL;
    if (emit(actor, SPAN, (uint32_t)object, site, number | 1, 0) == 0) {
        result = PyObject_Call(args[0], args[3], args[4]);
    }
    PyObject *error = result == NULL ? PyErr_GetRaisedException() : NULL;
    actor->spans--;
    if (emit(actor, SPAN, (uint32_t)object, site, number, 0) == 0) {
        PyErr_SetRaisedException(error); /* none, where it returned */
    }
    else {
        Py_CLEAR(result);
        Py_XDECREF(error);
    }
    Py_DECREF(actor);
    return result;
}

/* The module -------------------------------------------------------------------------------------------------------------- */

static PyObject *
core_set_up(PyObject *module, PyObject *args)
{
    PyObject *place, *own, *enter;
    if (!PyArg_ParseTuple(args, "OOO:set_up", &place, &own, &enter)) {
        return NULL;
    }
    Py_XSETREF(place_of, Py_NewRef(place));
    Py_XSETREF(own_site, Py_NewRef(own));
    Py_XSETREF(enter_purely, Py_NewRef(enter));
    Py_RETURN_NONE;
}

static PyMethodDef core_methods[] = {
    {"set_up", core_set_up, METH_VARARGS, "Say who tells what a frame is and the site of a frame, and what is done before an operation at times."},
    {"here", core_here, METH_NOARGS, "The actor on whose behalf this thread runs now, or None."},
    {"acting", core_acting, METH_NOARGS, "The actor of this thread if what it does is to be recorded, or None."},
    {"emit", FAST(core_emit), METH_FASTCALL, "Commit one record, stamped now."},
    {"publish", FAST(core_publish), METH_FASTCALL | METH_KEYWORDS, "Say what an actor waits for; returns since when, in ns."},
    {"unpublish", core_unpublish, METH_O, "It waits no more."},
    {"sending", FAST(core_sending), METH_FASTCALL, "Record a message and send it."},
    {"receiving", FAST(core_receiving), METH_FASTCALL, "Receive a message and record it."},
    {"set_closing", core_set_closing, METH_O, "Whether the process is about to end."},
    {"enter", FAST(core_enter), METH_FASTCALL, "As of the gate of a recording."},
    {"gave", core_gave, METH_O, "As of the gate of a recording."},
    {"spanning", FAST(core_spanning), METH_FASTCALL, "Call a function between two records of an object."},
    {"site_of", core_site_of, METH_O, "The call site of a frame."},
    {NULL},
};

static int
core_exec(PyObject *module)
{
    static int done;
    if (done) { /* its tables are one per process */
        PyErr_SetString(PyExc_ImportError, "the core is loaded already, in another interpreter of this process");
        return -1;
    }
    static const struct {
        PyObject **text;
        const char *is;
    } names[] = {
        {&str_renew, "renew"}, {&str_later, "later"},         {&str_simcore_id, "simcore_id"}, {&str_enter, "_enter"},
        {&str_exit, "_exit"},  {&str_acquire, "_acquire_purely"}, {&str_release, "_release_purely"},
        {&str_number, "_number"}, {&str_notempty, "_notempty"},
        {&str_simcore_queue, "simcore_queue"}, {&str_tell, "tell"},
    };
    for (size_t at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
        if ((*names[at].text = PyUnicode_InternFromString(names[at].is)) == NULL) {
            return -1;
        }
    }
    if (PyThread_tss_create(&current_actor) != 0 || PyType_Ready(&LocalType) < 0 || PyModule_AddType(module, &SlotsType) < 0 ||
        PyModule_AddType(module, &WriterType) < 0 || PyModule_AddType(module, &LockBaseType) < 0 || add_buffer(module) < 0) {
        return -1;
    }
    PyObject *tls = PyObject_CallNoArgs((PyObject *)&LocalType);
    int result = tls == NULL ? -1 : PyModule_AddObjectRef(module, "tls", tls);
    Py_XDECREF(tls);
    done = result == 0;
    return result;
}

static PyModuleDef_Slot core_slots[] = {
    {Py_mod_exec, core_exec},
#if PY_VERSION_HEX >= 0x030c0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030d0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef core_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "simcore._core",
    .m_doc = "The core in C of what is recorded.",
    .m_methods = core_methods,
    .m_slots = core_slots,
};

PyMODINIT_FUNC
PyInit__core(void)
{
    return PyModuleDef_Init(&core_module);
}
