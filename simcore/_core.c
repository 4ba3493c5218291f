/* The core in C of what is recorded: slots, records, call sites, spans, and the lock pair; and of a replay: turns, and locks in them.
   And of the analysis the check of accesses (core/fasttrack.h), which has nothing to do with the rest.

   It mirrors simcore.runtime: the classes and functions here bear the names of the pure Python ones and do what those do;
   `simcore.runtime.core` chooses between the two. Whatever is rare is left to Python, which is called from here: a new place in
   the source, slots that are used up, a lock that somebody else holds, an operation that is not the next one of the trace.

   Between the moment at which a slot is reserved and the moment at which it is committed nothing else may take it. Finalisers
   may run there (an allocation can start the collector on 3.11), and what they record goes into the slots behind it. A slot is
   taken by the actor's own thread only: no lock is needed for that, with the GIL or without. Where another thread reaches in
   (`Actor.interrupt` takes the slots away, so that the actor comes by Python) it replaces `chunk` as a whole, under the object's
   own lock on builds without a GIL. The table of places is shared by all threads, and relies on the GIL or, without one, on a
   mutex. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <sched.h>
#include <semaphore.h>
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

enum { INTERFACE = 3 }; /* as `simcore.runtime.core` wants it */

/* Kinds that are written here, by their numbers in simcore.trace.events. */
enum { ACQUIRE = 1, RELEASE = 2, UNDO = 3, START = 4, PUT = 8, GET = 9, WRITE = 11, GC = 15, SEND = 31, RECV = 32, LOAD = 46, ASSIGN = 47, UPDATE = 48, CREATE = 60, SPAN = 61 };

enum { TOO_LONG = -3 }; /* the value of RECV for a message that was refused */

static PyObject *own_site;     /* the site of the very place at which a frame is */
static PyObject *place_of;     /* what a frame is: its site, OURS, or LIBRARY */
static PyObject *str_renew, *str_later, *str_pauses, *str_look, *str_stay, *str_simcore_id, *str_simcore_queue, *str_tell, *str_number, *str_notempty;
static PyObject *str_enter, *str_exit, *str_acquire, *str_release, *str_insist, *str_undo; /* the pure methods of locks */
static PyObject *str_enter_purely, *str_differs, *str_semaphore, *str_expect_signal;       /* and of a replay's gate */
static PyObject *str_raw_acquire, *str_raw_release, *str_handle;                                  /* the methods of its batons */
static PyObject *str_ranges, *str_stop, *young_garbage;                                        /* of slots; `gc.get_count` */
static PyObject *without_waiting; /* the arguments of a try: a tuple made once, for locks take no vector of them */

#include "core/records.h"
#include "core/actors.h"
#include "core/emit.h"
#include "core/sites.h"
#include "core/locks.h"
#include "core/follow.h"
#include "core/turns.h"
#include "core/retaken.h"
#include "core/lock_type.h"
#include "core/messages.h"
#include "core/spans.h"
#include "core/access.h"
#include "core/hooks.h"
#include "core/marks.h"
#include "core/rows.h"
#include "core/clocks.h"
#include "core/fasttrack.h"
#include "core/tracking.h"

static PyObject *
core_set_up(PyObject *module, PyObject *args)
{
    PyObject *place, *own;
    if (!PyArg_ParseTuple(args, "OO:set_up", &place, &own)) return NULL;
    Py_XSETREF(place_of, Py_NewRef(place));
    Py_XSETREF(own_site, Py_NewRef(own));
    Py_RETURN_NONE;
}

static PyMethodDef core_methods[] = {
    {"set_up", core_set_up, METH_VARARGS, "Say who tells what a frame is, and its site."},
    {"here", core_here, METH_NOARGS, "The actor on whose behalf this thread runs now, or None."},
    {"acting", core_acting, METH_NOARGS, "The actor of this thread if what it does is to be recorded, or None."},
    {"emit", FAST(core_emit), METH_FASTCALL, "Commit one record, stamped now."},
    {"pace", core_pace, METH_VARARGS, NULL},
    {"publish", FAST(core_publish), METH_FASTCALL | METH_KEYWORDS, "Say what an actor waits for; returns since when, in ns."},
    {"unpublish", core_unpublish, METH_O, "It waits no more."},
    {"sending", FAST(core_sending), METH_FASTCALL, "Record a message and send it."},
    {"receiving", FAST(core_receiving), METH_FASTCALL, "Receive a message and record it."},
    {"enter", FAST(core_enter), METH_FASTCALL, "As of the gate of a recording."},
    {"gave", core_gave, METH_O, "As of the gate of a recording."},
    {"enter_turn", FAST(core_enter_turn), METH_FASTCALL, "As `Follow.enter`."},
    {"leave_turn", FAST(core_leave_turn), METH_FASTCALL, "As `Follow.leave`."},
    {"give_turn", FAST(core_give_turn), METH_FASTCALL, "As `Follow.give`."},
    {"pass_on", core_pass_on, METH_O, "As `Follow.gave`."},
    {"stay_awake", core_stay_awake, METH_VARARGS, "How a turn is waited for that another process passes on."},
    {"spanning", FAST(core_spanning), METH_FASTCALL, "Call a function between two records of an object."},
    {"site_of", core_site_of, METH_O, "The call site of a frame."},
    {"set_hooks", core_set_hooks, METH_VARARGS, "Say what the hooks do in pure Python, and whom to ask for what is new."},
    {"add_spots", core_add_spots, METH_O, "The names of more spots."},
    {"forget", core_forget, METH_O, "The object at this address is dead."},
    {"note", core_note, METH_O, "The object at this address cannot say when it dies."},
    {"load_attr", FAST(core_load_attr), METH_FASTCALL, NULL},
    {"store_attr", FAST(core_store_attr), METH_FASTCALL, NULL},
    {"update_attr", FAST(core_update_attr), METH_FASTCALL, NULL},
    {"load_item", FAST(core_load_item), METH_FASTCALL, NULL},
    {"store_item", FAST(core_store_item), METH_FASTCALL, NULL},
    {"update_item", FAST(core_update_item), METH_FASTCALL, NULL},
    {"load_global", FAST(core_load_global), METH_FASTCALL, NULL},
    {"store_global", FAST(core_store_global), METH_FASTCALL, NULL},
    {"update_global", FAST(core_update_global), METH_FASTCALL, NULL},
    {"load_cell", FAST(core_load_cell), METH_FASTCALL, NULL},
    {"store_cell", FAST(core_store_cell), METH_FASTCALL, NULL},
    {"update_cell", FAST(core_update_cell), METH_FASTCALL, NULL},
    {"method", FAST(core_method), METH_FASTCALL, NULL},
    {"whole", FAST(core_whole), METH_FASTCALL, NULL},
    {"born", core_born, METH_O, NULL},
    {"is_true", FAST(core_is_true), METH_FASTCALL, NULL},
    {"fasttrack", core_fasttrack, METH_VARARGS, "Check all accesses of a trace."},
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
        {&str_renew, "renew"},
        {&str_later, "later"},
        {&str_pauses, "pauses"},
        {&str_look, "look"},
        {&str_stay, "stay"},
        {&str_simcore_id, "simcore_id"},
        {&str_simcore_queue, "simcore_queue"},
        {&str_tell, "tell"},
        {&str_number, "_number"},
        {&str_notempty, "_notempty"},
        {&str_enter, "_enter"},
        {&str_exit, "_exit"},
        {&str_acquire, "_acquire_purely"},
        {&str_release, "_release_purely"},
        {&str_insist, "_insist"},
        {&str_undo, "_undo"},
        {&str_enter_purely, "_enter"},
        {&str_differs, "_differs"},
        {&str_semaphore, "_semaphore"},
        {&str_expect_signal, "expect_signal"},
        {&str_raw_acquire, "acquire"},
        {&str_raw_release, "release"},
        {&str_handle, "handle"},
        {&str_ranges, "ranges"},
        {&str_stop, "stop"},
    };
    for (size_t at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
        if ((*names[at].text = PyUnicode_InternFromString(names[at].is)) == NULL) return -1;
    }
    PyObject *collector = PyImport_ImportModule("gc");
    young_garbage = collector == NULL ? NULL : PyObject_GetAttrString(collector, "get_count");
    Py_XDECREF(collector);
    if (young_garbage == NULL || (without_waiting = PyTuple_Pack(1, Py_False)) == NULL) return -1;
    if (PyThread_tss_create(&current_actor) != 0 || PyType_Ready(&LocalType) < 0 || PyModule_AddType(module, &SlotsType) < 0 ||
        PyModule_AddType(module, &WriterType) < 0 || PyModule_AddType(module, &LockBaseType) < 0 ||
        PyModule_AddType(module, &FollowingType) < 0 || PyModule_AddType(module, &MarkType) < 0 ||
        PyType_Ready(&StandInType) < 0 || add_buffer(module) < 0) {
        return -1;
    }
    PyObject *tls = PyObject_CallNoArgs((PyObject *)&LocalType);
    int result = tls == NULL ? -1 : PyModule_AddObjectRef(module, "tls", tls);
    if (result == 0) {
        result = PyModule_AddIntConstant(module, "INTERFACE", INTERFACE);
    }
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
    .m_doc = "The core in C of recording and replay, and of the search for races.",
    .m_methods = core_methods,
    .m_slots = core_slots,
};

PyMODINIT_FUNC
PyInit__core(void)
{
    return PyModuleDef_Init(&core_module);
}
