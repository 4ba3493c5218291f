/* Call sites: the program's line on whose behalf something is done. Part of `_core.c`. */

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
        if (place->code == NULL || (place->code == code && place->offset == offset)) return place;
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
    if (table == NULL) return -1;
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
        if ((result = look_up(frame, place_of, 0, &found)) < 0 || found > 0) break;
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
    if (frame != Py_None && site_of((PyFrameObject *)frame, &site) < 0) return NULL;
    return PyLong_FromUnsignedLong(site);
}
