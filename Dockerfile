# A server with the built-in model, for Docker and Podman:
#
#   docker build -t setgen . && docker run --rm -p 127.0.0.1:8000:8000 setgen
#
# PyPI's torch for Linux may bring CUDA along, several GB. With PyTorch's index of CPU builds, whose address its
# page "Get started" gives, the image has a fraction of that:  --build-arg TORCH_INDEX=ADDRESS

FROM python:3.13-slim AS build
ARG TORCH_INDEX=""
WORKDIR /build
RUN python -m venv /opt/setgen
ENV PATH="/opt/setgen/bin:$PATH" PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY pyproject.toml ./
# What the package needs, and what serving adds; training's engine is imported by no server.
RUN sed -n '/^\(dependencies\|serve\) = \[/,/^]/s/^  "\(.*\)",$/\1/p' pyproject.toml | grep -vE '^lightning-fabric[^a-z-]' > needed.txt
RUN grep '^torch[^a-z-]' needed.txt > torch.txt && pip install ${TORCH_INDEX:+-i "$TORCH_INDEX"} -r torch.txt
RUN pip install -r needed.txt
COPY README.md LICENSE ./
COPY setgen setgen
COPY baselines baselines
COPY experiments experiments
RUN pip install --no-deps .

FROM python:3.13-slim
COPY --from=build /opt/setgen /opt/setgen
# The only files a server writes are caches; they go where a read-only container has its tmpfs.
ENV PATH="/opt/setgen/bin:$PATH" PYTHONDONTWRITEBYTECODE=1 HOME=/tmp XDG_CACHE_HOME=/tmp/cache MPLCONFIGDIR=/tmp/matplotlib
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health', timeout=4)"]
CMD ["setgen", "serve", "--host", "0.0.0.0", "--port", "8000"]
