"""Ways round something slow in what nunbit builds on, each with its gain and when it can go.

| what | goes round | gain, as measured |
| --- | --- | --- |
| `conv_weight_grad` | oneDNN's weight gradients on small maps | 1.3 instead of 6.9 ms |
| `without_compiler` | torch.optim importing torch's compiler | 1 s of a training |
| `keep_freed_memory` | glibc giving large blocks back at once | a quarter of a step |
| `collect_garbage_rarely` | Python walking half a million objects | most of 1 s of a command |
| `end_process` | freeing memory object by object | 1 s of a command |

What must hold to remove one stands in its docstring, after "Remove when".
"""
