# docker build -t mockserver .                     the mock server
# docker build -t mockserver-contract --target contract .   what tests an implementation

FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY mockserver mockserver
COPY contract_tests contract_tests
COPY spec spec
COPY fixtures fixtures
RUN python -m venv /opt/mockserver \
 && /opt/mockserver/bin/pip install --no-cache-dir --disable-pip-version-check '.[redis]'

FROM build AS contract-build
RUN /opt/mockserver/bin/pip install --no-cache-dir --disable-pip-version-check '.[contract]'

FROM python:3.11-slim AS contract
ENV PATH=/opt/mockserver/bin:$PATH PYTHONUNBUFFERED=1
COPY --from=contract-build /opt/mockserver /opt/mockserver
RUN install -d -o 10001 -g 10001 /report
USER 10001:10001
WORKDIR /report
ENTRYPOINT ["contract-tests"]
CMD ["run", "--url", "http://mock:4010", "--yes"]

FROM python:3.11-slim AS mock
ENV PATH=/opt/mockserver/bin:$PATH PYTHONUNBUFFERED=1
COPY --from=build /opt/mockserver /opt/mockserver
USER 10001:10001
EXPOSE 4010
HEALTHCHECK --interval=5s --timeout=3s --start-period=15s --retries=5 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('MOCKSERVER_PORT', '4010') + '/__mock__/health', timeout=2)"]
ENTRYPOINT ["mockserver"]
CMD ["serve", "--host", "0.0.0.0"]
