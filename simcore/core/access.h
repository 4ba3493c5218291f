/* Accesses to the program's own data, while recording: record and access in one step. Part of `_core.c`.

   What is done here is what is common: an attribute that the object has itself, an item of a list or dict, a variable; nothing of
   it runs code of the program's, so with the GIL no other thread comes in between. All else, every access of a replay, and all
   without a GIL, is left to the pure hooks. */

enum { LOADS = 0, STORES = 1, BOTH = 2, NOBODYS = 0, ITS_OWN = 1, SOMEHOW = 2, INTEGER = 1 << 30 };

enum {
    LOAD_ATTR, STORE_ATTR, UPDATE_ATTR, LOAD_ITEM, STORE_ITEM, UPDATE_ITEM, LOAD_GLOBAL, STORE_GLOBAL, UPDATE_GLOBAL,
    LOAD_CELL, STORE_CELL, UPDATE_CELL, METHOD, WHOLE, BORN, IS_TRUE, HOOKS
};

static const char *const hook_names[HOOKS] = {
    "load_attr", "store_attr", "update_attr", "load_item", "store_item", "update_item", "load_global", "store_global",
    "update_global", "load_cell", "store_cell", "update_cell", "method", "whole", "born", "is_true",
};

static PyObject *pure_hooks[HOOKS];
static PyObject *ask_holder, *ask_number, *ask_key, *ask_site; /* what Python is asked once */

/* A spot, and the type for which its attribute was looked for last. */
typedef struct {
    PyObject *name;
    uint32_t site;
    struct {
        PyTypeObject *type;
        unsigned int version;
        int holder;
    } known[3]; /* for LOADS, STORES, BOTH */
} Spot;

enum { BLOCK = 256 };
static Spot **blocks; /* of BLOCK spots each, which never move */
static Py_ssize_t spots_used;

/* Numbers of objects by address: what Python knows, as far as it was asked lately. */
typedef struct {
    PyObject *object;
    PyTypeObject *type;
    uint32_t number;
} Numbered;

enum { NUMBERED = 1 << 13, NOTED = 1 << 16 };
static Numbered numbered[NUMBERED];
static unsigned char noted[NOTED / 8]; /* a bit for each address at which an object may be that cannot say when it dies */
static PyObject *key_numbers; /* of texts */

static inline Numbered *
place_of_object(PyObject *object)
{
    size_t at = (uintptr_t)object >> 4;
    return &numbered[(at ^ at >> 13) & (NUMBERED - 1)];
}

/* forget(address): the object there is dead. */
static PyObject *
core_forget(PyObject *module, PyObject *address)
{
    void *object = PyLong_AsVoidPtr(address);
    if (object == NULL && PyErr_Occurred()) return NULL;
    Numbered *place = place_of_object(object);
    if (place->object == object) {
        place->object = NULL;
    }
    Py_RETURN_NONE;
}

static size_t
bit_of(void *object)
{
    return (uintptr_t)object >> 4 & (NOTED - 1);
}

/* note(address): whoever is born there may have the address of a dead one. */
static PyObject *
core_note(PyObject *module, PyObject *address)
{
    void *object = PyLong_AsVoidPtr(address);
    if (object == NULL && PyErr_Occurred()) return NULL;
    noted[bit_of(object) / 8] |= (unsigned char)(1 << bit_of(object) % 8);
    Py_RETURN_NONE;
}

/* add_spots(names): behind those that are there. */
static PyObject *
core_add_spots(PyObject *module, PyObject *names)
{
    if (!PyList_Check(names)) {
        PyErr_SetString(PyExc_TypeError, "names of spots are a list");
        return NULL;
    }
    Py_ssize_t count = PyList_GET_SIZE(names);
    for (Py_ssize_t at = 0; at < count; at++, spots_used++) {
        if (spots_used % BLOCK == 0) {
            Spot **more = PyMem_RawRealloc(blocks, (size_t)(spots_used / BLOCK + 1) * sizeof(Spot *));
            if (more == NULL) return PyErr_NoMemory();
            blocks = more;
            blocks[spots_used / BLOCK] = PyMem_RawCalloc(BLOCK, sizeof(Spot));
            if (blocks[spots_used / BLOCK] == NULL) return PyErr_NoMemory();
        }
        blocks[spots_used / BLOCK][spots_used % BLOCK].name = Py_NewRef(PyList_GET_ITEM(names, at));
    }
    Py_RETURN_NONE;
}

/* set_hooks(pure, holder, number, key, site): the pure hooks by name, and whom to ask. */
static PyObject *
core_set_hooks(PyObject *module, PyObject *args)
{
    PyObject *pure;
    if (!PyArg_ParseTuple(args, "O!OOOO", &PyDict_Type, &pure, &ask_holder, &ask_number, &ask_key, &ask_site)) return NULL;
    for (int at = 0; at < HOOKS; at++) {
        pure_hooks[at] = PyDict_GetItemString(pure, hook_names[at]);
        if (pure_hooks[at] == NULL) {
            PyErr_Format(PyExc_KeyError, "no hook %s", hook_names[at]);
            return NULL;
        }
        Py_INCREF(pure_hooks[at]);
    }
    Py_INCREF(ask_holder);
    Py_INCREF(ask_number);
    Py_INCREF(ask_key);
    Py_INCREF(ask_site);
    if (key_numbers == NULL && (key_numbers = PyDict_New()) == NULL) return NULL;
    Py_RETURN_NONE;
}

/* Whether what this actor does is recorded here, not followed, and nobody waits for it to come to rest. */
static inline int
is_recording(Writer *actor)
{
    return (actor->following == NULL || actor->following == Py_None) && (actor->rest == NULL || actor->rest == Py_None);
}

/* The actor where this access can be recorded here, or NULL. Borrowed. */
static Writer *
recording(PyObject *const *args, Py_ssize_t nargs, Py_ssize_t wanted, Spot **spot)
{
#ifdef Py_GIL_DISABLED
    return NULL;
#else
    Writer *actor = acting();
    if (actor == NULL || nargs != wanted || !is_recording(actor)) return NULL;
    Py_ssize_t number = PyLong_AsSsize_t(args[nargs - 1]);
    if (number < 0 || number >= spots_used) {
        PyErr_Clear();
        return NULL;
    }
    *spot = &blocks[number / BLOCK][number % BLOCK];
    return actor;
#endif
}

static PyObject *
in_python(int hook, PyObject *const *args, Py_ssize_t nargs)
{
    if (pure_hooks[hook] == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "no hooks are set");
        return NULL;
    }
    return PyObject_Vectorcall(pure_hooks[hook], args, (size_t)nargs, NULL);
}

/* Whose an attribute is: NOBODYS, ITS_OWN, or something that is not for here; for BOTH only what reading and writing agree on.
   -1 error. */
static int
ask_whose(Spot *spot, int way, PyTypeObject *type)
{
    unsigned int version = type->tp_version_tag;
    int holder = -1;
    for (int one = way == BOTH ? LOADS : way; one <= (way == BOTH ? STORES : way); one++) {
        PyObject *told = PyObject_CallFunction(ask_holder, "OOi", (PyObject *)type, spot->name, one);
        int found = told == NULL ? -1 : (int)PyLong_AsLong(told);
        Py_XDECREF(told);
        if (found < 0) return -1;
        holder = holder < 0 || holder == found ? found : SOMEHOW;
    }
    if (version != 0 && type->tp_version_tag == version) { /* else it was changed meanwhile, or never asked before */
        PyTypeObject *before = spot->known[way].type;
        spot->known[way].type = (PyTypeObject *)Py_NewRef(type);
        spot->known[way].version = type->tp_version_tag;
        spot->known[way].holder = holder;
        Py_XDECREF(before); /* last: the death of a type may run anything */
    }
    return holder;
}

static inline int
holder_of(Spot *spot, int way, PyTypeObject *type)
{
    if (spot->known[way].type == type && spot->known[way].version == type->tp_version_tag) return spot->known[way].holder;
    return ask_whose(spot, way, type);
}

/* The number of an object where Python was asked for it lately: 1, or 0. */
static inline int
known_number(PyObject *object, uint32_t *number)
{
    const Numbered *place = place_of_object(object);
    *number = place->number;
    return place->object == object && place->type == Py_TYPE(object);
}

static int
number_of_object(Writer *actor, PyObject *object, uint32_t *number)
{
    if (known_number(object, number)) return 0;
    int64_t found;
    PyObject *told = PyObject_CallFunctionObjArgs(ask_number, (PyObject *)actor, object, NULL);
    int result = told == NULL ? -1 : number_of(told, UINT32_MAX, &found);
    Py_XDECREF(told);
    if (result == 0) {
        *place_of_object(object) = (Numbered){object, Py_TYPE(object), (uint32_t)found};
        *number = (uint32_t)found;
    }
    return result;
}

static int
site_of_spot(Spot *spot, PyObject *index)
{
    int64_t found;
    PyObject *told = PyObject_CallOneArg(ask_site, index);
    int result = told == NULL ? -1 : number_of(told, UINT32_MAX, &found);
    Py_XDECREF(told);
    if (result == 0) {
        spot->site = (uint32_t)found;
    }
    return result;
}

/* All that the record of an access needs. To prepare may call Python; what the access reads is read behind that. */
typedef struct {
    Writer *actor;
    uint32_t number, site;
} Access;

static int
prepare(Access *access, Writer *actor, PyObject *object, Spot *spot, PyObject *index)
{
    access->actor = actor;
    if ((spot->site == 0 && site_of_spot(spot, index) < 0) || number_of_object(actor, object, &access->number) < 0) return -1;
    access->site = spot->site;
    Slots *slots = slots_of(actor);
    if (slots != NULL && slots->next >= slots->end) {
        Py_INCREF(actor);
        Py_INCREF(slots);
        int got = go_on(actor, slots);
        Py_DECREF(slots);
        PyObject *chunk = got < 0 ? NULL : got ? Py_NewRef(actor->chunk) : renew(actor, AT_ONCE);
        Py_XDECREF(chunk);
        Py_DECREF(actor);
        return chunk == NULL ? -1 : 0;
    }
    return 0;
}

/* Whether an access is recorded now; if not, Python is to do it. */
static int
record(const Access *access, int kind, int64_t key)
{
    Slots *slots = slots_of(access->actor);
    if (!has_slot(slots)) return 0;
    commit(take_slot(slots), kind, access->number, access->site, key << 32, 0);
    return 1;
}

/* Prepare and record: 1 done, 0 it is for Python to do, -1 error. */
static int
recorded(Writer *actor, PyObject *object, Spot *spot, PyObject *index, int kind, int64_t key)
{
    Access access;
    return prepare(&access, actor, object, spot, index) < 0 ? -1 : record(&access, kind, key);
}

/* Whether `value op= other` runs no code of the program's: as `kinds.in_one_step`. */
static int
is_simple(PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    return type == &PyLong_Type || type == &PyFloat_Type || type == &PyUnicode_Type || type == &PyBytes_Type ||
           type == &PyBool_Type || type == &PyComplex_Type || type == &PyTuple_Type || value == Py_None;
}

static int
in_one_step(PyObject *value, PyObject *other)
{
    if (PyLong_CheckExact(value) && PyLong_CheckExact(other)) return 1;
    int is_list = PyList_CheckExact(other);
    if (PyUnicode_CheckExact(value) || PyBytes_CheckExact(value)) return is_simple(other) && !PyTuple_CheckExact(other);
    if (is_simple(value)) return is_simple(other) || is_list;
    return PyList_CheckExact(value) && (is_list || PyTuple_CheckExact(other));
}

static PyObject *
in_place_power(PyObject *value, PyObject *other)
{
    return PyNumber_InPlacePower(value, other, Py_None);
}

static PyObject *
power(PyObject *value, PyObject *other)
{
    return PyNumber_Power(value, other, Py_None);
}

static PyObject *(*const updates[])(PyObject *, PyObject *) = {
    PyNumber_InPlaceAdd, PyNumber_InPlaceAnd, PyNumber_InPlaceFloorDivide, PyNumber_InPlaceLshift, PyNumber_InPlaceMatrixMultiply,
    PyNumber_InPlaceMultiply, PyNumber_InPlaceRemainder, PyNumber_InPlaceOr, in_place_power, PyNumber_InPlaceRshift,
    PyNumber_InPlaceSubtract, PyNumber_InPlaceTrueDivide, PyNumber_InPlaceXor,
    PyNumber_Add, PyNumber_And, PyNumber_FloorDivide, PyNumber_Lshift, PyNumber_MatrixMultiply, PyNumber_Multiply,
    PyNumber_Remainder, PyNumber_Or, power, PyNumber_Rshift, PyNumber_Subtract, PyNumber_TrueDivide, PyNumber_Xor,
};

/* The new value, once the update of this one, which is stolen, is recorded. NULL without an error: it is for Python to do. */
static PyObject *
updated(Access *access, PyObject *value, PyObject *other, PyObject *op, int64_t key)
{
    Py_ssize_t index = PyLong_AsSsize_t(op);
    if (value == NULL || index < 0 || index >= (Py_ssize_t)(sizeof(updates) / sizeof(updates[0])) || !in_one_step(value, other) ||
        !record(access, UPDATE, key)) {
        Py_XDECREF(value);
        PyErr_Clear();
        return NULL;
    }
    PyObject *result = updates[index](value, other);
    Py_DECREF(value);
    return result;
}
