/* Locks, of threads and between processes. Part of `_core.c`. */

/* What a lock of ours has, whichever lock it wraps. The methods are for one that is being recorded: they do what goes without
   waiting, and leave all else to the pure methods of the same class. */
typedef struct {
    PyObject_HEAD
    PyObject *acquire, *release; /* of the lock within, bound */
    PyObject *owned;             /* of a re-entrant one: whether it is this thread's */
    int64_t tag;                 /* where taking it puts an item somewhere: of the item put last */
    uint32_t simcore_id;
    int depth; /* of a re-entrant one; read and written by its owner */
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
    if (actor == NULL || !self->simcore_id || self->acquire == NULL) return 0;
    Py_INCREF(actor);
    int result = current_site(&site);
    if (result < 0 || reserve(actor, AT_ONCE, &slot) < 0) {
        Py_DECREF(actor);
        return -1;
    }
    PyObject *got = PyObject_Call(self->acquire, without_waiting, NULL);
    Py_XDECREF(got);
    if (got != Py_True) {
        put_back(&slot);
        Py_DECREF(actor);
        return got == NULL ? -1 : 0;
    }
    self->depth += self->owned != NULL;
    if (self->puts) {
        self->tag = (int64_t)actor->index << 32 | ++actor->puts;
        commit(slot.at, PUT, self->simcore_id, site, self->tag, 0);
    }
    else {
        commit(slot.at, ACQUIRE, self->simcore_id, site, 1, 0);
    }
    let_go(&slot);
    Py_DECREF(actor);
    return 1;
}

/* Record that the lock is given back and do it; who takes it next is stamped later. As `take`. */
static int
give(LockBase *self)
{
    Writer *actor = acting();
    uint32_t site;
    if (actor == NULL || !self->simcore_id || self->release == NULL) return 0;
    if (self->owned != NULL) {
        PyObject *owned = PyObject_CallNoArgs(self->owned);
        Py_XDECREF(owned);
        if (owned != Py_True) return owned == NULL ? -1 : 0;
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
