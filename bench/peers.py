# SPDX-License-Identifier: Apache-2.0
"""PyTorch and ONNX Runtime for the benchmark's driver, each in a process of its own: `peers.py torch 2` (threads).

The conversation is that of cell.hpp. Both are called from Python, as their users do.
"""
import math
import os
import sys
import time

import numpy as np

EPS = 1e-5


class Cell:
    """A line of key=value; see grid.py."""

    def __init__(self, line):
        words = dict(word.split("=", 1) for word in line.split())
        self.op, self.layout, self.dtype, self.pass_ = words["op"], words["layout"], words["dtype"], words["pass"]
        self.shape = tuple(map(int, words["shape"].split("x")))
        self.normalized, self.groups, self.offset = (int(words[key]) for key in ("normalized", "groups", "offset"))
        self.data = words["data"]
        if words["narrow"]:
            raise NotImplementedError("padding")
        self.channels_last = self.layout in ("NHWC", "NLC")
        self.channels = self.shape[-1] if self.channels_last else self.shape[1]

    def read(self, name):
        """The bytes of a tensor, as far from a cache line as the cell says."""
        size = {"f64": 8, "f32": 4, "f16": 2, "bf16": 2}[self.dtype]
        count = math.prod(self.shape) * size
        room = np.empty(count + 64 + self.offset * size, np.uint8)
        begin = -room.ctypes.data % 64 + self.offset * size
        room[begin:begin + count] = np.fromfile(f"{self.data}/{name}", np.uint8) if name else 0
        return room[begin:begin + count]

    def parameter(self, name):
        return np.fromfile(f"{self.data}/{name}", np.float32)


class Torch:
    """Outputs are PyTorch's own, freed after each call, and the environment keeps their pages with the process."""

    def __init__(self, threads):
        import torch

        torch.set_num_threads(threads)
        self.torch, self.name = torch, f"PyTorch {torch.__version__.split('+')[0]}"

    def prepare(self, line):
        torch, cell = self.torch, Cell(line)
        self.cell, self.made = cell, None
        dtype = {"f64": torch.float64, "f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}[cell.dtype]
        self.run = self.make(dtype)
        self.result = self.run()

    def tensor(self, name, dtype):
        tensor = self.torch.from_numpy(self.cell.read(name)).view(dtype).view(self.cell.shape)
        return tensor.movedim(-1, 1) if self.cell.channels_last else tensor

    def make(self, dtype):
        """The work of one call. It returns what `save` saves."""
        torch, aten, cell = self.torch, self.torch.ops.aten, self.cell
        x = self.tensor("x", dtype)
        parameter_type = torch.float64 if cell.dtype == "f64" else torch.float32

        def parameter(name):
            return torch.from_numpy(cell.parameter(name)).to(parameter_type)

        w, b = parameter("weight"), parameter("bias")
        trailing = list(cell.shape[-cell.normalized:])
        if cell.layout == "rows":
            w, b = w.view(trailing), b.view(trailing)
        dy = self.tensor("dy", dtype) if cell.pass_ == "backward" else None
        gradients = [True, True, True]
        if cell.op == "layer_norm":
            if dy is None:
                return lambda: aten.native_layer_norm(x, trailing, w, b, EPS)[0]
            _, mean, rstd = aten.native_layer_norm(x, trailing, w, b, EPS)
            return lambda: aten.native_layer_norm_backward(dy, x, trailing, mean, rstd, w, b, gradients)[0]
        if cell.op == "batch_norm":
            mean, var = parameter("mean"), parameter("variance")
            train = cell.pass_ != "inference"
            if dy is None:
                return lambda: aten.native_batch_norm(x, w, b, mean, var, train, 0.1, EPS)[0]
            _, saved, rstd = aten.native_batch_norm(x, w, b, mean, var, True, 0.1, EPS)
            return lambda: aten.native_batch_norm_backward(dy, x, w, mean, var, saved, rstd, True, EPS, gradients)[0]
        if cell.op == "group_norm":
            n, c, s = cell.shape[0], cell.channels, math.prod(cell.shape) // cell.shape[0] // cell.channels
            if dy is None:
                return lambda: aten.native_group_norm(x, w, b, n, c, s, cell.groups, EPS)[0]
            _, mean, rstd = aten.native_group_norm(x, w, b, n, c, s, cell.groups, EPS)
            return lambda: aten.native_group_norm_backward(dy, x, mean, rstd, w, n, c, s, cell.groups, gradients)[0]
        if cell.op == "instance_norm":
            def forward(x, w, b):
                return torch.nn.functional.instance_norm(x, weight=w, bias=b, eps=EPS)
        else:
            w, b = w.to(dtype), None

            def forward(x, w, b):
                return torch.nn.functional.rms_norm(x, trailing, w, EPS)
        if dy is None:
            return lambda: forward(x, w, b)
        # These two have no backward that can be called by itself.
        inputs = [t.requires_grad_() for t in (x, w, b) if t is not None]
        with torch.enable_grad():
            y = forward(x, w, b)
        return lambda: torch.autograd.grad(y, inputs, dy, retain_graph=True)[0]

    def save(self, path):
        y = self.result.movedim(1, -1) if self.cell.channels_last else self.result
        y.detach().contiguous().view(self.torch.uint8).numpy().tofile(path)

    def release(self):
        self.run = self.result = None


class OnnxRuntime:
    """Inputs and outputs bound to fixed memory."""

    def __init__(self, threads):
        import onnxruntime

        self.ort, self.threads = onnxruntime, threads
        self.name = f"ONNX Runtime {onnxruntime.__version__}"

    def node(self, helper):
        cell = self.cell
        if cell.channels_last or cell.pass_ == "backward" or (cell.op == "batch_norm" and cell.pass_ == "forward"):
            raise NotImplementedError("ONNX Runtime: no training, no channels last")
        op, inputs, attributes = {
            "layer_norm": ("LayerNormalization", ["weight", "bias"], {"axis": -cell.normalized, "epsilon": EPS}),
            "rms_norm": ("RMSNormalization", ["weight"], {"axis": -cell.normalized, "epsilon": EPS}),
            "batch_norm": ("BatchNormalization", ["weight", "bias", "mean", "variance"], {"epsilon": EPS}),
            "instance_norm": ("InstanceNormalization", ["weight", "bias"], {"epsilon": EPS}),
            "group_norm": ("GroupNormalization", ["weight", "bias"], {"epsilon": EPS, "num_groups": cell.groups}),
        }[cell.op]
        return helper.make_node(op, ["x", *inputs], ["y"], **attributes), inputs

    def prepare(self, line):
        from onnx import TensorProto, helper

        self.cell = cell = Cell(line)
        onnx_type, np_type = {"f64": (TensorProto.DOUBLE, np.float64), "f32": (TensorProto.FLOAT, np.float32),
                              "f16": (TensorProto.FLOAT16, np.float16)}.get(cell.dtype, (None, None))
        if np_type is None:
            raise NotImplementedError(f"ONNX Runtime: no {cell.dtype} on a CPU")
        node, names = self.node(helper)
        trailing = cell.shape[-cell.normalized:] if cell.layout == "rows" else (-1,)
        constants = []
        for name in names:
            value = cell.parameter(name).astype(np_type).reshape(trailing)
            constants.append(helper.make_tensor(name, onnx_type, value.shape, value.tobytes(), raw=True))
        info = [helper.make_tensor_value_info(name, onnx_type, cell.shape) for name in ("x", "y")]
        model = helper.make_model(helper.make_graph([node], "cell", info[:1], info[1:], constants),
                                  opset_imports=[helper.make_opsetid("", 23)], ir_version=11)
        options = self.ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = self.threads, 1, 4
        session = self.ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        binding = session.io_binding()
        self.x, self.y = cell.read("x"), cell.read("")
        binding.bind_input("x", "cpu", 0, np_type, cell.shape, self.x.ctypes.data)
        binding.bind_output("y", "cpu", 0, np_type, cell.shape, self.y.ctypes.data)
        self.run = lambda: session.run_with_iobinding(binding)
        self.run()

    def save(self, path):
        self.y.tofile(path)

    def release(self):
        self.run = self.x = self.y = None


def serve(peer):
    print("ok", peer.name, flush=True)
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        try:
            if command == "prepare":
                peer.release()
                peer.prepare(rest)
                answer = ""
            elif command == "run":
                times, run = int(rest.split()[1]), peer.run
                peer.result = None
                for _ in range((times + 1) // 2):
                    run()
                begin = time.perf_counter_ns()
                for _ in range(times):
                    run()
                answer = (time.perf_counter_ns() - begin) / times
            elif command == "save":
                peer.save(rest)
                answer = ""
            print("ok", answer, flush=True)
        except Exception as error:  # whatever a peer cannot do is said, and left out
            print("no", " ".join(str(error).split())[:200], flush=True)


if __name__ == "__main__":
    peer = {"torch": Torch, "onnxruntime": OnnxRuntime}[sys.argv[1]](int(sys.argv[2]))
    if sys.argv[1] == "torch":
        peer.torch.set_grad_enabled(False)
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    serve(peer)
