/* The methods of locks: while recording, and of the same names behind `retaken_` in a replay. Part of `_core.c`. */

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
    return done > 0 ? Py_NewRef(Py_True) : done < 0 ? NULL : purely(self, str_enter, NULL, 0, NULL);
}

static PyObject *
lock_retaken_enter(LockBase *self, PyObject *unused)
{
    int done = retake(self);
    return done > 0 ? Py_NewRef(Py_True) : done < 0 ? NULL : purely(self, str_enter, NULL, 0, NULL);
}

static PyObject *
lock_exit(LockBase *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    int done = give(self);
    return done > 0 ? Py_NewRef(Py_None) : done < 0 ? NULL : purely(self, str_exit, args, nargs, names);
}

static PyObject *
lock_retaken_exit(LockBase *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    int done = regive(self);
    return done > 0 ? Py_NewRef(Py_None) : done < 0 ? NULL : purely(self, str_exit, args, nargs, names);
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

/* Other arguments may be wrong ones, which is for Python to say. */
static int
is_plain(PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    return names == NULL && (nargs == 0 || (nargs == 1 && PyBool_Check(args[0])));
}

static PyObject *
lock_acquire(LockBase *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    int done = is_plain(args, nargs, names) ? take(self) : 0;
    return done > 0 ? Py_NewRef(Py_True) : done < 0 ? NULL : purely(self, str_acquire, args, nargs, names);
}

static PyObject *
lock_retaken_acquire(LockBase *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    int done = is_plain(args, nargs, names) ? retake(self) : 0;
    return done > 0 ? Py_NewRef(Py_True) : done < 0 ? NULL : purely(self, str_acquire, args, nargs, names);
}

static PyObject *
lock_try_first(LockBase *self, PyObject *const *args, Py_ssize_t nargs, PyObject *names)
{
    int done = take(self);
    return done > 0 ? Py_NewRef(Py_True) : done < 0 ? NULL : purely(self, str_acquire, args, nargs, names);
}

static PyObject *
lock_release(LockBase *self, PyObject *unused)
{
    int done = give(self);
    return done > 0 ? Py_NewRef(Py_None) : done < 0 ? NULL : purely(self, str_release, NULL, 0, NULL);
}

static PyObject *
lock_retaken_release(LockBase *self, PyObject *unused)
{
    int done = regive(self);
    return done > 0 ? Py_NewRef(Py_None) : done < 0 ? NULL : purely(self, str_release, NULL, 0, NULL);
}

static PyMethodDef lock_methods[] = {
    {"__enter__", (PyCFunction)lock_enter, METH_NOARGS, NULL},
    {"__exit__", FAST(lock_exit), METH_FASTCALL | METH_KEYWORDS, NULL},
    {"acquire", FAST(lock_acquire), METH_FASTCALL | METH_KEYWORDS, "As of the lock within."},
    {"just_release", FAST(lock_just_release), METH_FASTCALL, "As `__exit__`, without a record."},
    {"try_first", FAST(lock_try_first), METH_FASTCALL | METH_KEYWORDS, "As `acquire`, where one that is free is taken at once."},
    {"release", (PyCFunction)lock_release, METH_NOARGS, "As of the lock within."},
    {"retaken_enter", (PyCFunction)lock_retaken_enter, METH_NOARGS, "As `__enter__`, in its turn."},
    {"retaken_exit", FAST(lock_retaken_exit), METH_FASTCALL | METH_KEYWORDS, "As `__exit__`, in its turn."},
    {"retaken_acquire", FAST(lock_retaken_acquire), METH_FASTCALL | METH_KEYWORDS, "As of the lock within."},
    {"retaken_release", (PyCFunction)lock_retaken_release, METH_NOARGS, "As of the lock within."},
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
