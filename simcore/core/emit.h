/* Reserving a slot and committing a record, what an actor waits for, and the gate of a recording. Part of `_core.c`. */

/* A slot that is reserved, and what keeps its memory: the slots it came from, or else a view of the buffer. */
typedef struct {
    char *at;
    Slots *slots;
    Py_buffer view;
} Slot;

/* Where slots are used up: whether garbage is looked for later, and whether the actor stays there while the process is held up. */
enum { AT_ONCE = 0, LATER = 1, UNPAUSED = 2 };

/* More slots, from Python, which may run anything. A new reference. */
static PyObject *
renew(Writer *actor, int how)
{
    PyObject *arguments[] = {(PyObject *)actor, how & LATER ? Py_True : Py_False, how & UNPAUSED ? Py_False : Py_True};
    static PyObject *names;
    if (names == NULL && (names = PyTuple_Pack(2, str_later, str_pauses)) == NULL) return NULL;
    PyObject *chunk = PyObject_VectorcallMethod(str_renew, arguments, 1, names);
    if (chunk != NULL && !is_chunk(chunk)) {
        PyErr_SetString(PyExc_TypeError, "a chunk is a pair");
        Py_CLEAR(chunk);
    }
    return chunk;
}

/* The slots behind their `take`, or NULL. Borrowed. */
static Slots *
slots_in(PyObject *take)
{
    PyObject *self = PyCFunction_CheckExact(take) ? PyCFunction_GET_SELF(take) : NULL;
    return self != NULL && Py_IS_TYPE(self, &SlotsType) ? (Slots *)self : NULL;
}

/* Those from which an actor takes its next one, or NULL where Python has to. Borrowed. */
static inline Slots *
slots_of(Writer *actor)
{
    return slots_in(PyTuple_GET_ITEM(actor->chunk, 0));
}

static int held_up = 1;   /* whether Python has to be asked each time that slots are used up */
static long looked_above; /* and above how much young garbage */

/* pace(held_up, looked_above) */
static PyObject *
core_pace(PyObject *module, PyObject *args)
{
    if (!PyArg_ParseTuple(args, "pl", &held_up, &looked_above)) return NULL;
    Py_RETURN_NONE;
}

/* More of the chunk that these slots are of, where that is all there is to do: 1 done, 0 it is for Python to do, -1 error. */
static int
go_on(Writer *actor, Slots *slots)
{
    if (held_up) return 0;
    PyObject *count = PyObject_CallNoArgs(young_garbage); /* may start the collector, and so run anything */
    if (count == NULL) return -1;
    long young = PyTuple_Check(count) && PyTuple_GET_SIZE(count) ? PyLong_AsLong(PyTuple_GET_ITEM(count, 0)) : looked_above + 1;
    Py_DECREF(count);
    if (held_up || young > looked_above || slots->next < slots->end || slots_of(actor) != slots) return 0;
    PyObject *ranges = PyObject_GetAttr((PyObject *)actor, str_ranges);
    if (ranges == NULL) return -1;
    PyObject *range = PyIter_Next(ranges), *stop = range == NULL ? NULL : PyObject_GetAttr(range, str_stop);
    Py_ssize_t end = stop == NULL ? -1 : PyLong_AsSsize_t(stop);
    Py_DECREF(ranges);
    Py_XDECREF(range);
    Py_XDECREF(stop);
    if (PyErr_Occurred()) return -1;
    if (end > slots->view.len || end < 0) return 0;
    slots->end = end;
    return 1;
}

/* From what hands out slots in pure Python, as where one was held back: 1 got one, 0 none is left, -1 error. */
static int
reserve_slowly(PyObject *chunk, Slot *slot)
{
    PyObject *offset = PyObject_CallNoArgs(PyTuple_GET_ITEM(chunk, 0));
    if (offset == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return -1;
        PyErr_Clear();
        return 0;
    }
    Py_ssize_t number = PyLong_AsSsize_t(offset);
    Py_DECREF(offset);
    if (number == -1 && PyErr_Occurred()) return -1;
    if (PyObject_GetBuffer(PyTuple_GET_ITEM(chunk, 1), &slot->view, PyBUF_WRITABLE) < 0) return -1;
    slot->slots = NULL;
    slot->at = (char *)slot->view.buf + number;
    return 1;
}

/* Reserve the actor's next slot; Python is called when there is none. It tells which slots to take then, for those of the actor may
   have been taken away meanwhile. */
static int
reserve(Writer *actor, int how, Slot *slot)
{
    PyObject *chunk = writer_get_chunk(actor, NULL);
    while (chunk != NULL) {
        Slots *slots = slots_in(PyTuple_GET_ITEM(chunk, 0));
        int got = 0;
        if (slots != NULL) {
            if (slots->next >= slots->end) {
                got = go_on(actor, slots);
            }
            if (got >= 0 && slots->next < slots->end) {
                slot->slots = (Slots *)Py_NewRef(slots);
                slot->at = take_slot(slots);
                got = 1;
            }
        }
        else {
            got = reserve_slowly(chunk, slot);
        }
        Py_DECREF(chunk);
        if (got) return got < 0 ? -1 : 0;
        chunk = renew(actor, how);
    }
    return -1;
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

/* Garbage is not looked for with a lock at hand, behind a write, or at what takes no turn in replay; there nobody stays, either,
   nor within a collection. */
static int
how_to_renew(int kind)
{
    if (kind == SPAN || kind == CREATE || kind == GC) return LATER | UNPAUSED;
    return kind == ACQUIRE || kind == RELEASE || kind == WRITE ? LATER : AT_ONCE;
}

static int
emit(Writer *actor, int kind, uint32_t object, uint32_t site, int64_t value, uint32_t waited_us)
{
    Slot slot;
    if (reserve(actor, how_to_renew(kind), &slot) < 0) return -1;
    commit(slot.at, kind, object, site, value, waited_us);
    let_go(&slot);
    return 0;
}

/* A number of a record's head. Raises: OverflowError where it does not fit. */
static int
number_of(PyObject *object, int64_t most, int64_t *number)
{
    int64_t found = PyLong_AsLongLong(object);
    if (found == -1 && PyErr_Occurred()) return -1;
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

/* It waits no more; what came of that is stamped next. While the process is held up the actor stays here, before that. */
static int
unpublish(Writer *actor)
{
    Wait *wait = (Wait *)((char *)actor->wait.buf + WAIT_AT);
    int is_stamped = wait->flags & WAIT_STAMPED;
    memset(wait, 0, sizeof(Wait));
    if (is_stamped || !held_up) return 0;
    PyObject *done = PyObject_CallMethodNoArgs((PyObject *)actor, str_stay);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
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
            if (number_of(args[4 + at], UINT16_MAX, &more) < 0) return NULL;
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
    if (unpublish((Writer *)actor) < 0) return NULL;
    Py_RETURN_NONE;
}

/* At an operation of an actor whose slots are held back, Python has something to do. */
static int
before_operation(Writer *actor)
{
    if (actor->rest == NULL || actor->rest == Py_None) return 0;
    PyObject *done = PyObject_CallMethodNoArgs((PyObject *)actor, str_look);
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
    if (before_operation((Writer *)args[0]) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *
core_gave(PyObject *module, PyObject *actor)
{
    Py_RETURN_NONE;
}
