/* Marks: what stands in rewritten code for an attribute that is accessed where it stands. Part of `_core.c`.

   `self.x` becomes `MARK[self].x`: to subscribe a mark records the access and gives the object itself, and what comes next is
   the interpreter's own instruction. It looks for other threads at calls and jumps only, so with the GIL nobody comes in between.
   Where the access is not one for the core, a mark gives a stand-in, which has the pure hook do all of it. */

typedef struct {
    PyObject_HEAD
    Spot *spot;
    int way; /* LOADS, STORES, BOTH */
    PyObject *index;
    PyObject *op, *other; /* for BOTH: `object.name op= other` */
} Mark;

typedef struct {
    PyObject_HEAD
    Mark *mark;
    PyObject *object;
} StandIn;

static PyTypeObject MarkType, StandInType;

static PyObject *
stand_in(Mark *mark, PyObject *object)
{
    StandIn *self = (StandIn *)StandInType.tp_alloc(&StandInType, 0);
    if (self == NULL) return NULL;
    self->mark = (Mark *)Py_NewRef(mark);
    self->object = Py_NewRef(object);
    return (PyObject *)self;
}

static int
stand_in_traverse(StandIn *self, visitproc visit, void *arg)
{
    Py_VISIT(self->mark);
    Py_VISIT(self->object);
    return 0;
}

static void
stand_in_dealloc(StandIn *self)
{
    PyObject_GC_UnTrack(self);
    Py_DECREF(self->mark);
    Py_DECREF(self->object);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* The attribute; an update is done as a whole here, and what comes of it has no further effect. */
static PyObject *
stand_in_get(StandIn *self, PyObject *name)
{
    Mark *mark = self->mark;
    if (mark->way != BOTH) {
        PyObject *load[] = {self->object, mark->index};
        return in_python(LOAD_ATTR, load, 2);
    }
    PyObject *update[] = {self->object, mark->other, mark->op, mark->index};
    PyObject *done = in_python(UPDATE_ATTR, update, 4);
    if (done == NULL) return NULL;
    Py_DECREF(done);
    return Py_NewRef(self);
}

static int
stand_in_set(StandIn *self, PyObject *name, PyObject *value)
{
    if (self->mark->way == BOTH) return 0;
    if (value == NULL) {
        PyErr_SetString(PyExc_TypeError, "a mark is for no deletion");
        return -1;
    }
    PyObject *store[] = {value, self->object, self->mark->index};
    PyObject *done = in_python(STORE_ATTR, store, 3);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

static PyObject *
stand_in_updated(PyObject *self, PyObject *other)
{
    return Py_NewRef(self);
}

static PyObject *
stand_in_raised(PyObject *self, PyObject *other, PyObject *modulus)
{
    return Py_NewRef(self);
}

static PyNumberMethods stand_in_numbers = {
    .nb_inplace_add = stand_in_updated,
    .nb_inplace_subtract = stand_in_updated,
    .nb_inplace_multiply = stand_in_updated,
    .nb_inplace_remainder = stand_in_updated,
    .nb_inplace_power = stand_in_raised,
    .nb_inplace_lshift = stand_in_updated,
    .nb_inplace_rshift = stand_in_updated,
    .nb_inplace_and = stand_in_updated,
    .nb_inplace_xor = stand_in_updated,
    .nb_inplace_or = stand_in_updated,
    .nb_inplace_floor_divide = stand_in_updated,
    .nb_inplace_true_divide = stand_in_updated,
    .nb_inplace_matrix_multiply = stand_in_updated,
};

static PyTypeObject StandInType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "simcore._core.StandIn",
    .tp_basicsize = sizeof(StandIn),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = (traverseproc)stand_in_traverse,
    .tp_dealloc = (destructor)stand_in_dealloc,
    .tp_getattro = (getattrofunc)stand_in_get,
    .tp_setattro = (setattrofunc)stand_in_set,
    .tp_as_number = &stand_in_numbers,
};

/* Commit the access where all that it needs is at hand, as it is nearly always: 1 done. */
static inline int
recorded_at_once(Writer *actor, PyObject *object, Spot *spot, int kind)
{
    uint32_t number;
    Slots *slots = slots_of(actor);
    if (spot->site == 0 || !known_number(object, &number) || !has_slot(slots)) return 0;
    commit(take_slot(slots), kind, number, spot->site, 0, 0);
    return 1;
}

/* Whether the object has an attribute that the update with a constant changes in one step. 1, or 0; no error. */
static int
is_updated_at_once(PyObject *object, Spot *spot)
{
    PyObject *value = Py_TYPE(object)->tp_getattro(object, spot->name);
    if (value == NULL) {
        PyErr_Clear();
        return 0;
    }
    int simple = is_simple(value);
    Py_DECREF(value);
    return simple;
}

static PyObject *
mark_subscript(Mark *self, PyObject *object)
{
    Writer *actor = acting();
    if (actor == NULL || self->spot == NULL) return Py_NewRef(object);
    if (!is_recording(actor)) return stand_in(self, object);
    static const int kinds[] = {LOAD, ASSIGN, UPDATE};
    int holder = holder_of(self->spot, self->way, Py_TYPE(object));
    if (holder < 0) return NULL;
    if (holder == NOBODYS) return Py_NewRef(object);
    if (holder != ITS_OWN || (self->way == BOTH && !is_updated_at_once(object, self->spot))) return stand_in(self, object);
    if (recorded_at_once(actor, object, self->spot, kinds[self->way])) return Py_NewRef(object);
    Access access;
    if (prepare(&access, actor, object, self->spot, self->index) < 0) return NULL;
    /* That may have run anything, so all is asked again. */
    holder = holder_of(self->spot, self->way, Py_TYPE(object));
    if (holder < 0) return NULL;
    if (holder != ITS_OWN || (self->way == BOTH && !is_updated_at_once(object, self->spot)) ||
        !record(&access, kinds[self->way], 0)) {
        return stand_in(self, object);
    }
    return Py_NewRef(object);
}

/* Mark(way, spot, op=None, other=None); without a spot one that records nothing. */
static PyObject *
mark_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    int way = LOADS;
    PyObject *index = Py_None, *op = Py_None, *other = Py_None;
    if (!PyArg_ParseTuple(args, "|iOOO:Mark", &way, &index, &op, &other)) return NULL;
    Py_ssize_t number = index == Py_None ? -1 : PyLong_AsSsize_t(index);
    if (PyErr_Occurred()) return NULL;
    if (way < LOADS || way > BOTH || number >= spots_used) {
        PyErr_Format(PyExc_ValueError, "no mark of spot %zd in way %d", number, way);
        return NULL;
    }
    Mark *self = (Mark *)type->tp_alloc(type, 0);
    if (self == NULL) return NULL;
    self->spot = number < 0 ? NULL : &blocks[number / BLOCK][number % BLOCK];
    self->way = way;
    self->index = Py_NewRef(index);
    self->op = Py_NewRef(op);
    self->other = Py_NewRef(other);
    return (PyObject *)self;
}

static void
mark_dealloc(Mark *self)
{
    Py_DECREF(self->index);
    Py_DECREF(self->op);
    Py_DECREF(self->other);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* Pickled with the code that it stands in, it is for another process, whose spots are others. */
static PyObject *
mark_reduce(Mark *self, PyObject *unused)
{
    return Py_BuildValue("O()", &MarkType);
}

static PyMethodDef mark_methods[] = {
    {"__reduce__", (PyCFunction)mark_reduce, METH_NOARGS, NULL},
    {NULL},
};

static PyMappingMethods mark_mapping = {.mp_subscript = (binaryfunc)mark_subscript};

static PyTypeObject MarkType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "simcore._core.Mark",
    .tp_doc = "Stands before an attribute that is accessed: subscribed with its object it records that and gives the object.",
    .tp_basicsize = sizeof(Mark),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = mark_new,
    .tp_dealloc = (destructor)mark_dealloc,
    .tp_as_mapping = &mark_mapping,
    .tp_methods = mark_methods,
};
