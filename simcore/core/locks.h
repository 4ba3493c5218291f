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
    PyObject *got = PyObject_CallOneArg(self->acquire, Py_False);
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
