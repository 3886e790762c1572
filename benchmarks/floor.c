/* The least that a small operation can cost in Python: the same loops over the same 32 x 64 float32
 * values, called the same way, with one empty object made, and nothing else: no checks, no graph,
 * no memory of its own. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <structmember.h>

enum { N = 32 * 64 };
static _Alignas(64) float x[N], y[N], other[N], dy[N], dx[N];

typedef struct {
    PyObject_HEAD PyObject *grad;
    int relu; /* whose backward it is to run */
} Value;

static PyTypeObject type;

static PyObject *result(int relu)
{
    Value *v = PyObject_New(Value, &type);
    if (v == NULL) return NULL;
    v->grad = NULL;
    v->relu = relu;
    return (PyObject *)v;
}

static PyObject *relu(PyObject *module, PyObject *input)
{
    (void)module, (void)input;
    for (int i = 0; i < N; i++) y[i] = x[i] > 0 ? x[i] : 0;
    return result(1);
}

static PyObject *add(PyObject *a, PyObject *b)
{
    (void)a, (void)b;
    for (int i = 0; i < N; i++) y[i] = x[i] + other[i];
    return result(0);
}

static PyObject *backward(PyObject *self, PyObject *gradient)
{
    (void)gradient;
    if (((Value *)self)->relu)
        for (int i = 0; i < N; i++) dx[i] = y[i] > 0 ? dy[i] : 0;
    else
        for (int i = 0; i < N; i++) dx[i] = dy[i];
    Py_RETURN_NONE;
}

static PyObject *requires_grad_(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    Py_INCREF(self);
    return self;
}

static void dealloc(PyObject *self)
{
    Py_XDECREF(((Value *)self)->grad);
    PyObject_Free(self);
}

static PyMethodDef methods[] = {{"backward", backward, METH_O, NULL},
                                {"requires_grad_", requires_grad_, METH_NOARGS, NULL},
                                {NULL, NULL, 0, NULL}};
static PyMemberDef members[] = {{"grad", T_OBJECT, offsetof(Value, grad), 0, NULL},
                                {NULL, 0, 0, 0, NULL}};
static PyNumberMethods number = {.nb_add = add};
static PyTypeObject type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "floor.Value",
    .tp_basicsize = sizeof(Value),
    .tp_dealloc = dealloc,
    .tp_as_number = &number,
    .tp_methods = methods,
    .tp_members = members,
    .tp_new = PyType_GenericNew,
};

static PyMethodDef functions[] = {{"relu", relu, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "floor", NULL, -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_floor(void)
{
    PyObject *made = PyType_Ready(&type) < 0 ? NULL : PyModule_Create(&module);
    for (int i = 0; i < N; i++) x[i] = y[i] = other[i] = dy[i] = 1;
    if (made) PyModule_AddObject(made, "Value", (PyObject *)&type);
    return made;
}
